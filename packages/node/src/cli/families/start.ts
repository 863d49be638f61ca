import { type Command, Option } from "commander";
import { addNetwork } from "./network.ts";
import { type Act, examples, readPort, START } from "./options.ts";

export function addStart(program: Command, act: Act): void {
  program
    .command("dev")
    .helpGroup(START)
    .description("start a development chain: seven validators in one process, and keys to play with")
    .option("--port <port>", "port of the API; 0 lets the system choose", readPort, 8080)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--coap-port <port>", "UDP port for devices that speak CoAP; none by default", readPort)
    .option("--mqtt-port <port>", "port for devices over MQTT; 1883 by default, if it is free", readPort)
    .option("--no-mqtt", "no MQTT")
    .addOption(
      new Option("--mqtt-auth <rule>", "whether a device has to show a password signed by its key")
        .choices(["optional", "required"])
        .default("optional"),
    )
    .option("--mqtts-port <port>", "port for MQTT over TLS; needs --tls-cert or --acme", readPort)
    .option("--mqtts-client-ca <file>", "authority in PEM: over TLS every device needs a certificate of it")
    .option("--public-url <url>", "where people and phones reach the node, such as https://node.example.com")
    .option("--tls-cert <file>", "certificate chain in PEM: the API speaks HTTPS, and takes renewals over")
    .option("--tls-key <file>", "its key in PEM")
    .option("--http-port <port>", "plain HTTP port that leads to the public URL; 80 with --acme", readPort)
    .option("--acme <domain>", "get a certificate for this name, agreeing to the terms of Let's Encrypt")
    .option("--acme-email <address>", "for messages of the certificate authority")
    .option("--acme-directory <url>", "ACME server, instead of Let's Encrypt")
    .option("--with <program>", "a program for Node to run beside the chain")
    .addOption(
      new Option(
        "--log-level <level>",
        "how much the node logs; warn by default, nothing with --json",
      ).choices(["silent", "error", "warn", "info", "debug"]),
    )
    .addHelpText(
      "after",
      `\nKeeps running until Ctrl-C (a second Ctrl-C forces it). The chain stands in the data folder, and the
next start continues it. Its keys are not encrypted: never use them for anything real.
A program beside the node finds it by LHG_URL and LHG_DATA, and ends with it.
${examples("lhg dev", "lhg dev --data ./my-chain --port 9000", "lhg dev --with examples/world/main.ts", "lhg dev --host 0.0.0.0 --port 443 --public-url https://node.example.com --tls-cert chain.pem --tls-key key.pem", "lhg dev --host 0.0.0.0 --port 443 --acme node.example.com")}`,
    )
    .action(act(async () => (await import("../commands/dev.ts")).runDev));
  addNetwork(program, act);
  program
    .command("status")
    .helpGroup(START)
    .description("ask a node how it is: chain, height, what waits")
    .addHelpText("after", examples("lhg status", "lhg status --url http://node.example:8080 --json"))
    .action(act(async () => (await import("../commands/status.ts")).showStatus));
}
