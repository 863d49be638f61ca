import type { ButtonHTMLAttributes, ReactNode } from "react";
import "./ui.css";

type Props = ButtonHTMLAttributes<HTMLButtonElement> & { readonly isMain?: boolean };

export function Button({ isMain = false, ...rest }: Props): ReactNode {
  return <button type="button" className={isMain ? "button main" : "button"} {...rest} />;
}
