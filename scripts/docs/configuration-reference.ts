/** docs/configuration.md from the table of settings, so that the two can't differ. */
import { environmentNameOf, FIELDS, SETTINGS } from "../../packages/node/src/config/settings.ts";
import { formatToml } from "../../packages/node/src/config/write-toml.ts";
import { table } from "./markdown-table.ts";

const HEAD = `# Configuration

<!-- Written by \`node scripts/write-configuration-docs.ts\`; a test compares it with the settings. -->

\`lhg node\` reads its settings from \`lhg.toml\` in its home. \`lhg init\` writes the file with every setting in it: what it did not set stands there as a comment, with its default.

- **The environment wins over the file.** The variable of a setting is \`LHG_<SECTION>_<KEY>\`, in capitals; lists have commas between their entries. An empty variable counts as none.
- **Paths** are relative to the folder of the file, also those in variables.
- **Errors** name the file, the setting, the line and what is allowed. A name that there is none of is an error, with the nearest that there is.

\`lhg node --home HOME --check-config\` checks settings, genesis, keys, files and ports, and shows the settings in force; it ends with 0 where a node can be started with them, else with 2.

\`\`\`toml
[api]
port = 26701

[p2p]
listen = ["/ip4/0.0.0.0/tcp/26700"]
peers = ["/ip4/192.0.2.2/tcp/26700/p2p/12D3KooW..."]

[consensus]
key_file = "consensus-key.json"
\`\`\`

Beside the settings a home has files whose names are fixed: \`genesis.json\`, and \`node-key\`, the seed of the key by which peers know the node. [Operating](operating.md#the-home-of-a-node) says what each is for.
\`LHG_HOME\` stands for \`--home\`, \`LHG_PASSPHRASE\` for the passphrase of the consensus key. \`lhg dev\` has flags instead of this file: [Command line](cli.md#lhg-dev).
`;

export function describeConfiguration(): string {
  const sections = [...new Set(FIELDS.map((field) => SETTINGS[field].section))];
  return [HEAD, ...sections.flatMap(describeSection)].join("\n");
}

function describeSection(section: string): string[] {
  const rows = FIELDS.map((field) => SETTINGS[field])
    .filter((setting) => setting.section === section)
    .map((setting) => {
      const { key, byDefault, rule, says } = setting;
      return [
        `\`${key}\``,
        says,
        rule.allows,
        byDefault === undefined ? "none" : `\`${formatToml(byDefault)}\``,
        `\`${environmentNameOf(setting)}\``,
      ];
    });
  return [`## ${section}\n`, table(["setting", "is for", "must be", "default", "environment"], rows)];
}
