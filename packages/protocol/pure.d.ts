// The two platform classes `protocol` may use: they exist in Node and in every browser and are deterministic.
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array): string;
}
// V8's knob; elsewhere setting it changes nothing.
interface ErrorConstructor {
  stackTraceLimit: number;
}
