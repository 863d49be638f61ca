/** What a device measures, as it arrives: numbers as lines, flags as bands, places as a track, words as a list. */
import type { Collection } from "@lhg/sdk/client/types";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useMemo, useRef } from "react";
import { client } from "../../node/client.ts";
import { readLive } from "../../node/live.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Answer } from "../../ui/answer.tsx";
import { capitalize, formatClock, formatNumber, formatUnit } from "../../ui/format.ts";
import { Panel } from "../../ui/panel.tsx";
import { Empty } from "../../ui/states.tsx";
import { TimeChart } from "../../ui/time-chart.tsx";
import { Text, useNow } from "../../ui/values.tsx";
import "./devices.css";
import {
  type FlagSeries,
  findSpans,
  groupReadings,
  type NumberSeries,
  shortenNames,
  type TextReading,
} from "./series.ts";
import { Track } from "./track.tsx";

const FIRST = 100;
const NEXT = 20;
const KEPT = 600;
const LOOK_MS = 1_000;

/** The first answer holds the last hundred; later ones are joined to it as they are heard of. */
function useCollections(device: string) {
  const queryClient = useQueryClient();
  const queryKey = ["collections", device];
  const query = useQuery({
    queryKey,
    queryFn: async (): Promise<readonly Collection[]> => {
      const held = queryClient.getQueryData<readonly Collection[]>(queryKey) ?? [];
      const { items } = await client.listCollections(device, { limit: held.length === 0 ? FIRST : NEXT });
      const isJoined = items.some(({ id }) => id === held[0]?.id);
      if (!isJoined) return items;
      const known = new Set(held.map(({ id }) => id));
      return [...items.filter(({ id }) => !known.has(id)), ...held].slice(0, KEPT);
    },
  });
  const heard = useRef(readLive().collectionsHeard);
  const nowMs = useNow(LOOK_MS);
  const { refetch } = query;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the clock is what calls for it
  useEffect(() => {
    const { collectionsHeard } = readLive();
    if (collectionsHeard === heard.current) return;
    heard.current = collectionsHeard;
    void refetch();
  }, [nowMs, refetch]);
  return query;
}

export function Readings({ device }: { device: string }): ReactNode {
  const { devices: words } = useStrings();
  const query = useCollections(device);
  return <Answer query={query}>{(collections) => <Charts collections={collections} words={words} />}</Answer>;
}

function Charts({
  collections,
  words,
}: {
  collections: readonly Collection[];
  words: ReturnType<typeof useStrings>["devices"];
}): ReactNode {
  const series = useMemo(() => groupReadings(collections), [collections]);
  const { numbers, flags, texts, track } = series;
  const names = shortenNames([...numbers, ...flags, ...texts].map(({ name }) => name));
  const head = (name: string): string => capitalize(names.get(name) ?? name);
  if (collections.length === 0)
    return (
      <Panel title={words.live}>
        <Empty>{words.noReadings}</Empty>
      </Panel>
    );
  return (
    <div className="readings">
      {flags.length === 0 ? null : (
        <section className="panel wide">
          {flags.map((flag) => (
            <FlagBand key={flag.name} flag={flag} head={head(flag.name)} />
          ))}
        </section>
      )}
      {numbers.map((line) => (
        <NumberPanel key={`${line.name}\n${line.unit ?? ""}`} line={line} head={head(line.name)} />
      ))}
      {track.length === 0 ? null : (
        <Panel title={words.track}>
          <Track places={track} />
        </Panel>
      )}
      {texts.length === 0 ? null : (
        <Panel title={words.texts}>
          <TextList texts={texts} nameOf={head} />
        </Panel>
      )}
    </div>
  );
}

function NumberPanel({
  line: { unit, times, values },
  head,
}: {
  line: NumberSeries;
  head: string;
}): ReactNode {
  const shownUnit = formatUnit(unit).slice(0, 16);
  const title = head.slice(0, 60);
  const lines = useMemo(() => [{ label: title, values }], [title, values]);
  return (
    <section className="panel">
      <div className="panel-head">
        <h2>
          <Text value={head} lengthMax={60} />
        </h2>
        <strong className="reading-now">
          {formatNumber(values.at(-1)!, 3)} <Text value={shownUnit} />
        </strong>
      </div>
      <TimeChart label={title} unit={shownUnit} times={times} lines={lines} heightPx={160} />
    </section>
  );
}

const STRIP_WIDTH = 1_000;

function FlagBand({ flag, head }: { flag: FlagSeries; head: string }): ReactNode {
  const { devices: words } = useStrings();
  const fromMs = flag.times[0]!;
  const untilMs = Math.max(flag.times.at(-1)!, fromMs + 1);
  const toX = (ms: number): number => ((ms - fromMs) / (untilMs - fromMs)) * STRIP_WIDTH;
  const spans = findSpans(flag, untilMs);
  const isUp = flag.values.at(-1) === true;
  return (
    <div className="flag">
      <div className="panel-head">
        <h2>
          <Text value={head} lengthMax={60} />
        </h2>
        <strong className={isUp ? "reading-now up" : "reading-now"}>
          {isUp ? words.flagOn : words.flagOff}
        </strong>
      </div>
      <svg
        className="flag-strip"
        viewBox={`0 0 ${STRIP_WIDTH} 28`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words.flagLabel(head.slice(0, 60), spans.length)}
      >
        {spans.map((span) => (
          <rect
            key={span.fromMs}
            x={toX(span.fromMs)}
            y={0}
            width={Math.max(4, toX(span.untilMs) - toX(span.fromMs))}
            height={28}
          />
        ))}
      </svg>
      <p className="small muted strip-times">
        <span>{formatClock(fromMs)}</span>
        <span>{formatClock(untilMs)}</span>
      </p>
    </div>
  );
}

function TextList({
  texts,
  nameOf,
}: {
  texts: readonly TextReading[];
  nameOf: (name: string) => string;
}): ReactNode {
  return (
    <ol className="texts small">
      {texts.map(({ name, timeMs, text }) => (
        <li key={`${timeMs} ${name} ${text}`}>
          <span className="muted">
            {formatClock(timeMs)} <Text value={nameOf(name)} lengthMax={40} />
          </span>
          <Text value={text} lengthMax={300} />
        </li>
      ))}
    </ol>
  );
}
