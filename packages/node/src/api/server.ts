export function createApi(_: unknown): { start(): Promise<string>; stop(): Promise<void> } {
  throw new Error("stub");
}
