/** A drawing wider than the page: it opens at the item in question, and fades where there is more of it. */
import { type ReactNode, useLayoutEffect, useRef, useState } from "react";

interface Props {
  readonly label: string;
  /** Middle of what is looked at first, in pixels of the drawing. */
  readonly x: number;
  readonly y: number;
  readonly children: ReactNode;
}

export function GraphScroll({ label, x, y, children }: Props): ReactNode {
  const box = useRef<HTMLElement>(null);
  const [edges, setEdges] = useState("");
  const look = (): void => {
    const place = box.current;
    if (place === null) return;
    const { scrollLeft, scrollWidth, clientWidth } = place;
    const more = [
      ...(scrollLeft > 1 ? ["more-left"] : []),
      ...(scrollLeft + clientWidth < scrollWidth - 1 ? ["more-right"] : []),
    ];
    setEdges(more.join(" "));
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: `look` reads the page alone
  useLayoutEffect(() => {
    const place = box.current!;
    place.scrollLeft = x - place.clientWidth / 2;
    place.scrollTop = y - place.clientHeight / 2;
    const resized = new ResizeObserver(look);
    resized.observe(place);
    return () => resized.disconnect();
  }, [x, y]);
  return (
    <div className={`graph-frame ${edges}`}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keys */}
      <section ref={box} className="graph-scroll" tabIndex={0} aria-label={label} onScroll={look}>
        {children}
      </section>
    </div>
  );
}
