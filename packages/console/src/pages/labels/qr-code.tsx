import encodeQR from "qr";
import type { ReactNode } from "react";

/** Modules of quiet around the code, by ISO/IEC 18004. */
const BORDER = 4;

/** A code as one path, which prints sharp at any size. Medium error correction: 15 % of it may be lost. */
export function QrCode({ text, label }: { text: string; label: string }): ReactNode {
  const modules = encodeQR(text, "raw", { ecc: "medium", border: BORDER });
  const size = modules.length;
  const path = modules
    .flatMap((line, y) => line.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")))
    .join("");
  return (
    <svg
      className="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shapeRendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
