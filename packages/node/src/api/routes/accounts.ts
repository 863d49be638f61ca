import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import {
  accountView,
  addressText,
  collectionView,
  commandView,
  deviceView,
  digestText,
  pageOf,
  streamView,
  vendorView,
} from "../../queries/views.ts";
import { createAddQuery, object, paged, proofParameter } from "../operations.ts";
import type { NodeService } from "../service.ts";

const uint32 = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });

export function addAccountRoutes(app: FastifyInstance, service: NodeService): void {
  createAddQuery(
    app,
    service,
    "accounts",
  )({
    query: "getAccount",
    path: "/accounts/:address",
    summary: "Balance, nonce and key of an account",
    description: "An address that nobody used yet is an empty account.",
    params: object({ address: addressText }),
    parameters: object(proofParameter),
    answer: accountView,
    toArgs: (input) => input,
  });
}

export function addVendorRoutes(app: FastifyInstance, service: NodeService): void {
  const addQuery = createAddQuery(app, service, "vendors");
  const byVendor = object({ vendor: addressText });
  addQuery({
    query: "listVendors",
    path: "/vendors",
    summary: "Vendors in order of admission",
    parameters: paged({}),
    answer: pageOf(vendorView),
    toArgs: (input) => input,
  });
  addQuery({
    query: "getVendor",
    path: "/vendors/:vendor",
    summary: "A vendor: standing, prefixes, credit",
    params: byVendor,
    parameters: object(proofParameter),
    answer: vendorView,
    toArgs: (input) => input,
  });
  addQuery({
    query: "listDevices",
    path: "/vendors/:vendor/devices",
    summary: "A vendor's devices, newest first",
    params: byVendor,
    parameters: paged({}),
    answer: pageOf(deviceView),
    toArgs: (input) => input,
  });
  addQuery({
    query: "getHolder",
    path: "/holders",
    summary: "The vendor under whose prefix an identifier lies",
    parameters: object({
      id: Type.String({
        minLength: 1,
        maxLength: 1024,
        description: "any URI",
        examples: ["urn:epc:id:sgtin:4012345.000000.1"],
      }),
    }),
    answer: Type.Object({ identity: Type.String(), prefix: Type.String(), vendor: vendorView }),
    toArgs: (input) => input,
  });
}

export function addDeviceRoutes(app: FastifyInstance, service: NodeService): void {
  const addQuery = createAddQuery(app, service, "devices");
  const byDevice = object({ device: addressText });
  addQuery({
    query: "getDevice",
    path: "/devices/:device",
    summary: "A device: vendor, model, keys, last collection",
    params: byDevice,
    parameters: object(proofParameter),
    answer: deviceView,
    toArgs: (input) => input,
  });
  addQuery({
    query: "listStreams",
    path: "/devices/:device/streams",
    summary: "The streams of a device",
    params: byDevice,
    parameters: paged({}),
    answer: pageOf(streamView),
    toArgs: (input) => input,
  });
  addQuery({
    query: "getStream",
    path: "/devices/:device/streams/:stream",
    summary: "Where a device goes on: head, gaps, counts",
    params: object({ device: addressText, stream: uint32 }),
    parameters: object(proofParameter),
    answer: streamView,
    toArgs: (input) => input,
  });
  addQuery({
    query: "listCollections",
    path: "/devices/:device/collections",
    summary: "A device's collections with their readings, newest first",
    params: byDevice,
    parameters: paged({}),
    answer: pageOf(collectionView),
    cost: 5,
    toArgs: (input) => input,
  });
  addQuery({
    query: "listCommands",
    path: "/devices/:device/commands",
    summary: "Commands sent to a device and what it answered, newest first",
    description: "`pending` are those that wait for an answer and can be proven, oldest first.",
    params: byDevice,
    parameters: paged({ state: Type.Optional(Type.Union([Type.Literal("all"), Type.Literal("pending")])) }),
    answer: pageOf(commandView),
    cost: 10,
    toArgs: (input) => input,
  });
  addQuery({
    query: "getCollection",
    path: "/collections/:id",
    summary: "A collection by statement id",
    params: object({ id: digestText }),
    answer: collectionView,
    toArgs: (input) => input,
  });
}
