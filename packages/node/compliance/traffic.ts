/** What senders send: sound statements, and every way of being none. */
import { getAccount } from "@lhg/protocol/core/accounts";
import type { Validator } from "@lhg/protocol/core/block/validator-set";
import { toHex } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { type Submission, submission } from "@lhg/protocol/core/statement/submission";
import type { Message } from "@lhg/protocol/ledger";
import { getParameterVersion } from "@lhg/protocol/modules/chain/chain";
import { getStream } from "@lhg/protocol/modules/collection/streams";
import { getDevice } from "@lhg/protocol/modules/identity/devices";
import { getNextCaptureSeq } from "@lhg/protocol/modules/trace/capture";
import { getValidatorsAt, getValidatorsVersion } from "@lhg/protocol/modules/validators/validators";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import {
  addressOf,
  approve,
  makeReadings,
  makeRegistration,
  signCapture,
  signCollection,
  signTransaction,
} from "../e2e/statements.ts";
import type { Random } from "../simulation/random.ts";
import type { LedgerApplication } from "../src/application/application.ts";
import { operatorOf, type World } from "./world.ts";

export interface Traffic {
  /** Encoded submissions of which every part that could be wrong mostly is not. */
  draw(count: number, view: LedgerApplication): Uint8Array[];
  /** Of these, many are wrong; what is no submission at all is among them. */
  drawHostile(count: number, view: LedgerApplication): Uint8Array[];
  /** Sets powers of operators, who stand in the order of the world's; 0 removes. */
  changeValidators(powers: readonly PowerChange[], view: LedgerApplication): Uint8Array;
}

export type PowerChange = readonly [operator: number, power: bigint];

export interface TrafficOptions {
  /** By default validators come and go by chance. */
  readonly changesValidators?: boolean;
}

const LIFETIME_MS = 600_000;
const HOSTILE_SHARE = 0.6;
const GARBAGE_BYTES_MAX = 300;
const OVERSIZE_BYTES = 70_000;
/** Within the bounds of the parameter, which begins with 8 MiB. */
const BLOCK_SIZES_BYTES = [4 << 20, 5 << 20, 8 << 20] as const;

export function createTraffic(
  world: World,
  random: Random,
  { changesValidators = true }: TrafficOptions = {},
): Traffic {
  const { chainId, people, device, dev } = world;
  const drawn: Uint8Array[] = [];
  /** The sequences that statements drawn for the next block have taken; what came into none is drawn anew. */
  let drawnAt = -1;
  let nonces = new Map<SecretKey, number>();
  let stream: { seq: number; prevId: Uint8Array } | undefined;
  let captureSeq: number | undefined;

  function beginAt({ head }: LedgerApplication): void {
    if (drawnAt === head.height) return;
    drawnAt = head.height;
    nonces = new Map();
    stream = undefined;
    captureSeq = undefined;
  }

  function nonceOf(key: SecretKey, view: LedgerApplication): number {
    const nonce = nonces.get(key) ?? getAccount(view.state, addressOf(key)).nonce;
    nonces.set(key, nonce + 1);
    return nonce;
  }

  function sign(
    key: SecretKey,
    messages: readonly Message[],
    view: LedgerApplication,
    over: Partial<Parameters<typeof signTransaction>[1]> = {},
  ): Submission {
    const nonce = over.nonce ?? nonceOf(key, view);
    const expiryMs = view.head.timeMs + LIFETIME_MS;
    return signTransaction(key, { chainId, expiryMs, gasLimit: 100_000, messages, ...over, nonce });
  }

  const transfer = (amount: bigint): Message => ({
    type: "token.transfer",
    body: { to: addressOf(random.pick(people)), amount },
  });

  const payers = people.slice(0, 3);
  const sound: readonly ((view: LedgerApplication) => Submission)[] = [
    (view) => sign(random.pick(payers), [transfer(BigInt(random.below(1_000)))], view),
    (view) => sign(random.pick(payers), [transfer(BigInt(random.below(1_000)))], view),
    // Admitted, and fails.
    (view) => sign(random.pick(payers), [transfer(1n << 62n)], view),
    (view) => sign(random.pick(payers), [{ type: "chain.tick", body: {} }], view),
    signReadings,
    signEvents,
    signParameter,
    ...(changesValidators ? [signSomeChange, signSomeChange, signRotation] : []),
  ];

  function signReadings(view: LedgerApplication): Submission {
    const vendor = dev.vendors[0]!.key;
    if (getDevice(view.state, addressOf(device)) === undefined) {
      const expiryMs = view.head.timeMs + LIFETIME_MS;
      return sign(vendor, [makeRegistration(chainId, addressOf(vendor), device, expiryMs)], view);
    }
    const { headSeq, headId } = getStream(view.state, addressOf(vendor), addressOf(device), 0)!;
    const { seq, prevId } = stream ?? { seq: headSeq + 1, prevId: headId };
    const made = signCollection(device, {
      chainId,
      seq,
      prevId,
      readings: makeReadings(1 + random.below(3)),
    });
    stream = { seq: seq + 1, prevId: made.idBytes };
    return made;
  }

  function signEvents(view: LedgerApplication): Submission {
    const eventTime = new Date(view.head.timeMs - 1_000).toISOString();
    const event = { type: "ObjectEvent", action: "OBSERVE", eventTime, eventTimeZoneOffset: "+00:00" };
    const document = {
      "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
      type: "EPCISDocument",
      schemaVersion: "2.0",
      creationDate: eventTime,
      epcisBody: { eventList: [{ ...event, epcList: [`https://example.com/phones/${random.below(5)}`] }] },
    };
    const vendor = dev.vendors[0]!.key;
    const seq = captureSeq ?? getNextCaptureSeq(view.state, addressOf(vendor));
    captureSeq = seq + 1;
    return signCapture(vendor, {
      chainId,
      captureSeq: seq,
      document: new TextEncoder().encode(JSON.stringify(document)),
    });
  }

  /** Changes power, adds or removes; some of it is refused by the chain. */
  function signSomeChange(view: LedgerApplication): Submission {
    const at = random.below(dev.operators.length);
    const power = findValidator(at, view) !== undefined && random.chance(0.4) ? 0 : 1 + random.below(9);
    return signValidatorChange(dev.faucet, [[at, BigInt(power)]], view);
  }

  function findValidator(at: number, view: LedgerApplication): Validator | undefined {
    const operator = toHex(addressOf(dev.operators[at]!));
    const latest = getValidatorsAt(view.state, view.head.height + 2);
    return latest.find((entry) => toHex(entry.operator) === operator);
  }

  function signValidatorChange(
    sender: SecretKey,
    powers: readonly PowerChange[],
    view: LedgerApplication,
  ): Submission {
    const changes = powers.map(([at, power]) => {
      const consensusKey = findValidator(at, view)?.consensusKey ?? dev.consensusKeys[at]!.publicKey;
      return { operator: addressOf(dev.operators[at]!), consensusKey, power };
    });
    const version = getValidatorsVersion(view.state);
    const body = [changes.map((entry) => [entry.operator, entry.consensusKey, entry.power]), version];
    const approvals = approvalsOf(view, "validators.change", body);
    return sign(sender, [{ type: "validators.change", body: { changes, version, approvals } }], view);
  }

  function signRotation(view: LedgerApplication): Submission {
    const operator = dev.operators[random.below(dev.operators.length)]!;
    const consensusKey = random.pick(dev.consensusKeys).publicKey;
    const body = { type: "validators.rotate-key", body: { consensusKey } } as const;
    // Operators have no tokens: where the price may be zero they would not need any.
    return sign(operator, [body], view, { gasPrice: 1n });
  }

  function signParameter(view: LedgerApplication): Submission {
    const value = BigInt(random.pick(BLOCK_SIZES_BYTES));
    const activateAtMs = random.chance(0.5) ? 0 : view.head.timeMs + 2_000;
    const name = "blockSizeBytesMax";
    const version = getParameterVersion(view.state);
    const approvals = approvalsOf(view, "chain.set-parameter", [name, value, activateAtMs, version]);
    const body = { name, value, activateAtMs, version, approvals };
    return sign(dev.faucet, [{ type: "chain.set-parameter", body }], view);
  }

  function approvalsOf(view: LedgerApplication, name: string, body: Parameters<typeof approve>[1]["body"]) {
    const inForce = getValidatorsAt(view.state, view.head.height + 1);
    const operators = inForce.map((entry) => operatorOf(world, entry.operator));
    return approve(operators, { chainId, name, body, expiryMs: view.head.timeMs + LIFETIME_MS });
  }

  const pack = (entry: Submission): Uint8Array =>
    encode(submission, { statement: entry.statement, body: entry.body }, "submission");
  const flip = (bytes: Uint8Array, at: number): Uint8Array =>
    bytes.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte));
  const one = (view: LedgerApplication): Submission => sign(people[0]!, [transfer(1n)], view);

  const hostile: readonly ((view: LedgerApplication) => Uint8Array)[] = [
    () => new Uint8Array(0),
    () => Uint8Array.from({ length: 1 + random.below(GARBAGE_BYTES_MAX) }, () => random.below(256)),
    () => new Uint8Array(OVERSIZE_BYTES).fill(0x80),
    (view) => pack(one(view)).subarray(0, 1 + random.below(100)),
    (view) => Uint8Array.from([...pack(one(view)), 0]),
    (view) => {
      const bytes = pack(one(view));
      return flip(bytes, random.below(bytes.length));
    },
    // The signature stands at the end of the statement, the statement before the body.
    (view) => {
      const { statement, body } = one(view);
      return pack({ statement: flip(statement, statement.length - 1 - random.below(64)), body });
    },
    (view) => pack({ ...one(view), body: [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)] }),
    (view) => {
      const { statement, body } = signEvents(view);
      return pack({ statement, body: random.chance(0.5) ? null : [...body!.slice(1), Uint8Array.of(1)] });
    },
    (view) => pack(sign(people[0]!, [transfer(1n)], view, { sender: addressOf(people[1]!) })),
    (view) => pack(sign(people[0]!, [transfer(1n)], view, { nonce: random.below(50) })),
    (view) => pack(sign(people[0]!, [transfer(1n)], view, { nonce: Number.MAX_SAFE_INTEGER })),
    (view) => pack(sign(people[0]!, [transfer(1n)], view, { chainId: "lhg-other-0000" })),
    (view) => pack(sign(people[0]!, [transfer(1n)], view, { expiryMs: view.head.timeMs })),
    (view) => pack(sign(people[0]!, [transfer(1n)], view, { expiryMs: Number.MAX_SAFE_INTEGER })),
    (view) => pack(sign(people[0]!, [transfer(1n)], view, { gasLimit: 1 })),
    (view) => pack(sign(people[0]!, [transfer(1n)], view, { gasPrice: (1n << 64n) - 1n })),
    (view) => pack(sign(people[0]!, [transfer(1n)], view, { payer: addressOf(people[1]!) })),
    (view) => {
      const approvals = Array.from({ length: 250 }, () => new Uint8Array(300));
      const body = { name: "gasPerByte", value: 1n, activateAtMs: 0, version: 0, approvals };
      return pack(
        sign(people[0]!, [{ type: "chain.set-parameter", body }], view, { gasLimit: 1_000_000_000 }),
      );
    },
    () => random.pick(drawn.length > 0 ? drawn : [Uint8Array.of(0xf6)]),
  ];

  function drawOne(isHostile: boolean, view: LedgerApplication): Uint8Array {
    if (!isHostile) return pack(random.pick(sound)(view));
    const before = { nonces: new Map(nonces), captureSeq };
    const bytes = random.pick(hostile)(view);
    // It takes nobody's place.
    ({ nonces, captureSeq } = before);
    return bytes;
  }

  function drawSome(count: number, hostileShare: number, view: LedgerApplication): Uint8Array[] {
    beginAt(view);
    const some = Array.from({ length: count }, () => drawOne(random.chance(hostileShare), view));
    drawn.push(...some);
    return some;
  }

  return {
    draw: (count, view) => drawSome(count, 0, view),
    drawHostile: (count, view) => drawSome(count, HOSTILE_SHARE, view),
    changeValidators(powers, view) {
      beginAt(view);
      return pack(signValidatorChange(world.clerk, powers, view));
    },
  };
}
