/** The way between pages: a menu at the left of a wide screen; a bar at the bottom of a phone, and a sheet with the rest. */
import { type ReactNode, useEffect, useRef } from "react";
import { NavLink, useLocation } from "react-router";
import { useStrings } from "../strings/strings.tsx";
import { Icon } from "./icons.tsx";
import { type Entry, SECTIONS } from "./sections.ts";

type MenuRow = Entry & { readonly path: string };

const ROWS: readonly MenuRow[] = SECTIONS.flatMap(({ path, entry }) =>
  entry === undefined ? [] : [{ ...entry, path }],
);
const BAR_LENGTH = 4;
const BAR = [
  ...ROWS.filter(({ isPrimary }) => isPrimary === true),
  ...ROWS.filter(({ isPrimary }) => isPrimary !== true),
].slice(0, BAR_LENGTH);
const REST = ROWS.filter((row) => !BAR.includes(row));

export function SideMenu(): ReactNode {
  const strings = useStrings();
  return (
    <nav className="menu no-print" aria-label={strings.app.menu}>
      <MenuGroups rows={ROWS} />
      <DocsLinks />
    </nav>
  );
}

export function PhoneBar(): ReactNode {
  const strings = useStrings();
  const sheet = useRef<HTMLDialogElement>(null);
  const { key } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: whatever leads to another page folds the sheet
  useEffect(() => sheet.current?.close(), [key]);
  return (
    <>
      <nav className="phone-bar no-print" aria-label={strings.app.primary}>
        {BAR.map(({ path, label, icon }) => (
          <NavLink key={path} to={path} end={path === "/"}>
            <Icon name={icon} />
            <span>{strings.sections[label]}</span>
          </NavLink>
        ))}
        <button type="button" aria-haspopup="dialog" onClick={() => sheet.current?.showModal()}>
          <Icon name="more" />
          <span>{strings.app.more}</span>
        </button>
      </nav>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a modal dialog by itself; a touch beside it does, too */}
      <dialog
        ref={sheet}
        className="sheet"
        aria-label={strings.app.more}
        onClick={(event) => {
          if (event.target === sheet.current) sheet.current.close();
        }}
      >
        <nav aria-label={strings.app.more}>
          <MenuGroups rows={REST} />
          <DocsLinks />
        </nav>
        <button type="button" className="button" onClick={() => sheet.current?.close()}>
          {strings.app.close}
        </button>
      </dialog>
    </>
  );
}

function MenuGroups({ rows }: { rows: readonly MenuRow[] }): ReactNode {
  const strings = useStrings();
  const groups = [...new Set(rows.map(({ group }) => group))];
  return groups.map((group) => (
    <div key={group} className="menu-group">
      <p className="menu-title">{strings.groups[group]}</p>
      <ul>
        {rows
          .filter((row) => row.group === group)
          .map(({ path, label, icon }) => (
            <li key={path}>
              <NavLink to={path} end={path === "/"}>
                <Icon name={icon} />
                {strings.sections[label]}
              </NavLink>
            </li>
          ))}
      </ul>
    </div>
  ));
}

/** The node serves them beside the console. */
function DocsLinks(): ReactNode {
  const { app } = useStrings();
  return (
    <div className="menu-group">
      <p className="menu-title">{app.docs}</p>
      <ul>
        <li>
          <a href="/docs/">
            <Icon name="docs" />
            {app.docsRead}
          </a>
        </li>
        <li>
          <a href="/api/v1/docs">
            <Icon name="docs" />
            {app.docsApi}
          </a>
        </li>
      </ul>
    </div>
  );
}
