/** yamux with a bound on how fast a peer opens streams: libp2p holds a timer and buffers for each for seconds, also when it was reset. */
import type { MultiaddrConnection, StreamMuxer, StreamMuxerFactory } from "@libp2p/interface";
import { yamux } from "@libp2p/yamux";
import type { P2pBounds } from "./bounds.ts";
import { createTokenBucket } from "./token-bucket.ts";
import type { Traffic } from "./traffic.ts";

/** Of the question streams: 10 MB/s over a line with 100 ms there and back. Gossip has less (gossip-streams.ts). */
const STREAM_WINDOW_BYTES_MAX = 1 << 20;
/** A peer needs four each way: identify, questions, two topics. */
const STREAMS_MAX = 16;

/** In front of the socket: pongs and window updates for a peer that does not read, since streams stop by themselves. */
const UNSENT_BYTES_MAX = 16 << 20;

/** `onExcess` is given the streams of the connection. */
export function boundedYamux(
  bounds: P2pBounds,
  traffic: Pick<Traffic, "bytesIn" | "bytesOut">,
  onExcess: (streams: StreamMuxer["streams"]) => void,
): () => StreamMuxerFactory {
  return () => {
    const factory: StreamMuxerFactory = yamux({
      maxInboundStreams: STREAMS_MAX,
      maxOutboundStreams: STREAMS_MAX,
      streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES_MAX },
    })();
    const create = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection: MultiaddrConnection): StreamMuxer => {
      connection.maxWriteBufferLength = UNSENT_BYTES_MAX;
      const muxer = create(connection);
      const allowance = createTokenBucket(bounds.streamsPerSecond, bounds.streamsBurst);
      // The first listener is handed what came before it: that one is libp2p's, in this turn of the loop.
      setImmediate(() => {
        muxer.addEventListener("stream", () => {
          if (allowance.take(1)) return;
          onExcess(muxer.streams);
          muxer.abort(new Error("too many streams"));
          connection.abort(new Error("too many streams"));
        });
        connection.addEventListener("message", ({ data }) => {
          traffic.bytesIn += data.byteLength;
        });
      });
      const send = connection.send.bind(connection);
      connection.send = (data) => {
        traffic.bytesOut += data.byteLength;
        return send(data);
      };
      return muxer;
    };
    return factory;
  };
}
