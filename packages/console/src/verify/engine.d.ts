/** Members of the engine that the protocol uses and the types of browsers leave out. */
interface ErrorConstructor {
  stackTraceLimit: number;
}
