import { toHex } from "./bytes.ts";
import { array, type Codec, type Infer, record, uint } from "./codec/definition.ts";

/** What the ledger emits: `[module, kind, attributes]`. Kinds are never reused within a module. */
const attribute: Codec<NoticeAttribute> = {
  write: (writer, value) => {
    if (typeof value === "string") writer.writeText(value);
    else if (value instanceof Uint8Array) writer.writeBytes(value);
    else writer.writeInt(value);
  },
  read: (reader) => {
    const major = reader.peekMajor();
    if (major === 2) return reader.readBytes().slice();
    if (major === 3) return reader.readText();
    return reader.readInt();
  },
  toJson: (value) => (value instanceof Uint8Array ? toHex(value) : value),
  fromJson: () => {
    throw new TypeError("notices are only read");
  },
  schema: {},
};
export type NoticeAttribute = number | string | Uint8Array;

export const notice = record(undefined, {
  module: uint(0xffff),
  kind: uint(0xffff),
  attributes: array(attribute, { max: 16 }),
});
export type Notice = Infer<typeof notice>;
