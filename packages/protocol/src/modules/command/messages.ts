import { address } from "../../core/account.ts";
import { bytes, record, text, uint } from "../../core/codec/definition.ts";

export const COMMAND_MODULE = 10;

/** What a device answers in at most so many UTF-8 bytes. */
export const RESULT_BYTES_MAX = 128;

export const commandMessages = {
  /** Asks a device to do something, in an order that the device can check by itself. */
  "command.send": {
    tag: [COMMAND_MODULE, 1],
    codec: record(undefined, {
      device: address,
      /** From 1, without gaps, for each device. */
      number: uint(),
      /** What is asked: `configure`, `reboot`, ... */
      name: text({ min: 1, max: 64 }),
      /** Whatever device and program agreed upon. */
      payload: bytes({ max: 2_048 }),
      /** In chain time; later the device refuses it. */
      expiryMs: uint(),
    }),
  },
  /** Lets a program's account command the sender's devices until a time; a time that is over ends it. */
  "command.delegate": {
    tag: [COMMAND_MODULE, 2],
    codec: record(undefined, { program: address, expiryMs: uint() }),
  },
} as const;
