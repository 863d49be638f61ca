/** The topic scheme of devices; README.md describes it. */

const PREFIX = "lhg/v1/";
const CHANNELS = ["up", "reply", "commands", "status"] as const;
export type Channel = (typeof CHANNELS)[number];

const TOPIC = new RegExp(`^${PREFIX}([0-9a-f]{40})/(${CHANNELS.join("|")})$`);
const ADDRESS = /^[0-9a-f]{40}$/;

export function isDeviceAddress(text: string): boolean {
  return ADDRESS.test(text);
}

export function topicOf(device: string, channel: Channel): string {
  return `${PREFIX}${device}/${channel}`;
}

/** Undefined for what is no topic of the scheme. */
export function readTopic(topic: string): { readonly device: string; readonly channel: Channel } | undefined {
  const found = TOPIC.exec(topic);
  return found === null ? undefined : { device: found[1]!, channel: found[2] as Channel };
}

/** The channels of `device` that a filter covers; none for filters that reach beyond its own topics. */
export function readFilter(device: string, filter: string): readonly Channel[] {
  const own = `${PREFIX}${device}/`;
  if (!filter.startsWith(own)) return [];
  const rest = filter.slice(own.length);
  return rest === "#" || rest === "+" ? CHANNELS : CHANNELS.filter((channel) => channel === rest);
}
