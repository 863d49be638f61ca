/** The broker's package as it comes, with no node behind: what the gateway is held against. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Aedes } from "aedes";

export interface PlainBroker {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startPlainBroker(): Promise<PlainBroker> {
  const broker = await Aedes.createBroker({ maxClientsIdLength: 40 });
  const server = createServer((socket) => void broker.handle(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => broker.close(resolve));
      await closed;
    },
  };
}
