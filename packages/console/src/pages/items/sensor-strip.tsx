/** What sensors measured along the journey, a small drawing for each device and kind. */
import type { ReactNode } from "react";
import { Link } from "react-router";
import { useStrings } from "../../strings/strings.tsx";
import { Badge } from "../../ui/badge.tsx";
import { splitRuns } from "../../ui/gaps.ts";
import { Empty } from "../../ui/states.tsx";
import { Text, Time } from "../../ui/values.tsx";
import { deviceAddress, type SensorReading, type SensorSeries, toSeries } from "./event-details.ts";

const SERIES_MAX = 24;

export function SensorStrip({ readings }: { readings: readonly SensorReading[] }): ReactNode {
  const { item } = useStrings();
  const series = toSeries(readings).slice(0, SERIES_MAX);
  if (series.length === 0) return <Empty>{item.sensorsNone}</Empty>;
  return (
    <div className="sensors">
      {series.map((one) => (
        <Series key={`${one.type} ${one.uom} ${one.device}`} series={one} />
      ))}
    </div>
  );
}

function Series({ series }: { series: SensorSeries }): ReactNode {
  const { item } = useStrings();
  const { type, uom, device, readings } = series;
  const name = Object.hasOwn(item.measurements, type) ? item.measurements[type]! : type;
  const unit = Object.hasOwn(item.units, uom) ? item.units[uom]! : uom;
  const format = (value: number): string =>
    `${value.toLocaleString("en", { maximumFractionDigits: 2 })} ${unit}`.trim();
  const values = readings.flatMap(({ value, min = value, max = value }) => [min, max]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const alarms = readings.filter(({ isAlarm }) => isAlarm).length;
  return (
    <div className="sensor">
      <div className="row">
        <h3>
          <Text value={name} lengthMax={60} />
        </h3>
        {alarms === 0 ? null : <Badge tone="bad">{item.sensorAlarm(alarms)}</Badge>}
      </div>
      <p className="sensor-value">
        {low === high ? format(low) : item.sensorRange(format(low), format(high))}
      </p>
      {readings.length < 2 ? null : (
        <Drawing series={series} low={low} high={high} label={item.sensorChart(name, readings.length)} />
      )}
      <p className="muted small">
        <Time ms={readings[0]!.timeMs} />
        {readings.length < 2 ? null : (
          <>
            {" – "}
            <Time ms={readings.at(-1)!.timeMs} />
          </>
        )}
      </p>
      {device === null ? null : (
        <p className="small">
          {item.device}: <Device device={device} />
        </p>
      )}
    </div>
  );
}

function Device({ device }: { device: string }): ReactNode {
  const address = deviceAddress(device);
  if (address === undefined) return <Text value={device} lengthMax={60} />;
  return (
    <Link to={`/devices/${address}`}>
      {address.slice(0, 8)}…{address.slice(-4)}
    </Link>
  );
}

const WIDTH = 260;
const HEIGHT = 64;
const INSET = 6;

interface DrawingProps {
  readonly series: SensorSeries;
  readonly low: number;
  readonly high: number;
  readonly label: string;
}

function Drawing({ series: { readings }, low, high, label }: DrawingProps): ReactNode {
  const startMs = readings[0]!.timeMs;
  const spanMs = Math.max(1, readings.at(-1)!.timeMs - startMs);
  const span = high - low || 1;
  const x = ({ timeMs }: SensorReading): number =>
    INSET + ((timeMs - startMs) / spanMs) * (WIDTH - 2 * INSET);
  const y = (value: number): number => HEIGHT - INSET - ((value - low) / span) * (HEIGHT - 2 * INSET);
  return (
    <svg className="sensor-chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {splitRuns(readings).map((run) => {
        const upper = run.map((reading) => `${x(reading)},${y(reading.max ?? reading.value)}`);
        const lower = run.map((reading) => `${x(reading)},${y(reading.min ?? reading.value)}`).reverse();
        return (
          <g key={run[0]!.timeMs}>
            <polygon className="band" points={[...upper, ...lower].join(" ")} />
            <polyline
              className="curve"
              points={run.map((reading) => `${x(reading)},${y(reading.value)}`).join(" ")}
            />
          </g>
        );
      })}
      {readings.map((reading) => (
        <circle
          key={`${reading.timeMs} ${reading.value}`}
          className={reading.isAlarm ? "reading alarm" : "reading"}
          cx={x(reading)}
          cy={y(reading.value)}
          r={reading.isAlarm ? 4 : 2.2}
        >
          <title>{reading.value}</title>
        </circle>
      ))}
    </svg>
  );
}
