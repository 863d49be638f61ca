/**
 * Stands in for the broker's message bus and store. Nobody may subscribe to what devices send, replies go straight to their
 * connection, and statements are the same however often they come: the gateway has nothing to fan out and nothing to keep.
 */
import { Readable } from "node:stream";

/** In the shape of `mqemitter`. */
export const silentBus = {
  on: (_topic: string, _listener: unknown, done?: () => void) => void (done && setImmediate(done)),
  removeListener: (_topic: string, _listener: unknown, done?: () => void) =>
    void (done && setImmediate(done)),
  emit: (_packet: unknown, done?: () => void) => done?.(),
  close: (done: () => void) => void setImmediate(done),
};

const nothing = async (): Promise<void> => {};
const none = async (): Promise<never[]> => [];
const emptyStream = (): Readable => Readable.from([]);

/** In the shape of `aedes-persistence`. */
export const emptyStore = {
  // The broker looks whether this is an async function by its constructor.
  setup: async (): Promise<void> => {},
  storeRetained: nothing,
  createRetainedStreamCombi: emptyStream,
  addSubscriptions: nothing,
  removeSubscriptions: nothing,
  cleanSubscriptions: nothing,
  subscriptionsByClient: none,
  subscriptionsByTopic: none,
  outgoingEnqueue: nothing,
  outgoingEnqueueCombi: nothing,
  outgoingUpdate: nothing,
  outgoingClearMessageId: nothing,
  outgoingStream: emptyStream,
  // QoS 2: taken for known, a packet is acknowledged without being kept; it was submitted before.
  incomingGetPacket: async () => ({}),
  incomingStorePacket: nothing,
  incomingDelPacket: nothing,
  cleanIncoming: nothing,
  putWill: nothing,
  delWill: nothing,
  streamWill: emptyStream,
};
