import type { Command } from "commander";
import { type Act, asOption, collect, examples, RECORD, readIndex, waitOption } from "./options.ts";

export function addDevice(program: Command, act: Act): void {
  const device = program
    .command("device")
    .helpGroup(RECORD)
    .description("register devices and record their readings")
    .addHelpText(
      "after",
      examples("lhg device register sensor-7 --model T-1000", "lhg device record sensor-7 readings.json"),
    );
  device
    .command("register")
    .argument("<key>", "name of the device's key, which consents")
    .description("register a device of a vendor")
    .requiredOption("--model <model>", "what kind of device it is")
    .option("--capability <name>", "what it can do; give it once for each", collect)
    .option("--limit <credits>", "credits that it may use a day", readIndex)
    .addOption(asOption())
    .addHelpText(
      "after",
      examples(
        "lhg keys new sensor-7",
        "lhg device register sensor-7 --model T-1000 --capability temperature",
      ),
    )
    .action(act(async () => (await import("../commands/device.ts")).registerDevice));
  device
    .command("list")
    .argument("[vendor]", "vendor whose devices to list; by default the development vendor")
    .description("list the devices of a vendor")
    .addHelpText("after", examples("lhg device list acme-manufacturing"))
    .action(act(async () => (await import("../commands/device.ts")).listDevices));
  device
    .command("show")
    .argument("<device>", "address of the device, or the name of its key")
    .description("show one device and its first stream")
    .addHelpText("after", examples("lhg device show sensor-7"))
    .action(act(async () => (await import("../commands/device.ts")).showDevice));
  device
    .command("revoke")
    .argument("<device>", "address of the device, or the name of its key")
    .description("revoke a device: from then on it may only fill gaps")
    .option(
      "--from-height <height>",
      "first block that takes no new readings of it; by default the one after the revocation",
      readIndex,
    )
    .addOption(asOption())
    .addHelpText("after", examples("lhg device revoke sensor-7"))
    .action(act(async () => (await import("../commands/device.ts")).revokeDevice));
  device
    .command("record")
    .argument("<key>", "name of the device's key")
    .argument("<files...>", "SenML packs in JSON; - is standard input")
    .description("sign readings as a device and send them; what could not be sent is kept for the next time")
    .option("--stream <number>", "stream of the device", readIndex, 0)
    .addOption(waitOption())
    .addHelpText(
      "after",
      `\nWithout a node it signs and keeps them in the data folder, says so and ends with exit code 3, once the device was
registered or recorded from here.
${examples(
  "lhg device record sensor-7 readings.json",
  'echo \'[{"n":"urn:dev:mac:1","u":"Cel","v":21.5}]\' | lhg device record sensor-7 -',
)}`,
    )
    .action(act(async () => (await import("../commands/device-record.ts")).recordReadings));
  device
    .command("flush")
    .argument("<key>", "name of the device's key")
    .description("send the collections that wait, which were recorded while the node could not be reached")
    .option("--stream <number>", "stream of the device", readIndex, 0)
    .addOption(waitOption())
    .addHelpText("after", examples("lhg device flush sensor-7"))
    .action(act(async () => (await import("../commands/device-record.ts")).flushReadings));
  device
    .command("fill")
    .argument("<key>", "name of the device's key")
    .description("send again what the chain misses in the device's stream, as far as it is kept here")
    .option("--stream <number>", "stream of the device", readIndex, 0)
    .addOption(waitOption())
    .addHelpText(
      "after",
      `\nGaps are filled from the top down, also those of a revoked device. What is no longer kept is said, and the command ends
with device.forgotten.
${examples("lhg device fill sensor-7")}`,
    )
    .action(act(async () => (await import("../commands/device-record.ts")).fillGaps));
  device
    .command("answer")
    .argument("<key>", "name of the device's key")
    .description("list the commands that wait for a device, each checked; with an option, answer them")
    .option("--done", "answer each with done")
    .option("--refuse <reason>", "answer each with this reason")
    .option("--run <program>", "run this for each and answer what came of it")
    .option("--genesis <file>", "genesis to check against, instead of the development chain's")
    .option("--chain-id <id>", "with --validators-hash: the chain to check against")
    .option("--validators-hash <hash>", "hash of the validators that the device pinned")
    .addOption(waitOption())
    .addHelpText(
      "after",
      `\nThe program gets the command's name as its argument and in LHG_COMMAND_NAME, its payload on standard input. The answer is the
last line that it prints, or done; failed: exit N where it ends otherwise. Each command is run once at most.
${examples("lhg device answer sensor-7", "lhg device answer sensor-7 --run ./follow.sh")}`,
    )
    .action(act(async () => (await import("../commands/device-answer.ts")).answerCommands));
}
