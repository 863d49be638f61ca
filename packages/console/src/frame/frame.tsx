/** What stands around every page: menu, search, connection, theme. */
import { type FormEvent, type ReactNode, Suspense, useState } from "react";
import { NavLink, Route, Routes, useNavigate } from "react-router";
import { useLive } from "../node/live.ts";
import { useStrings } from "../strings/strings.tsx";
import { Loading } from "../ui/states.tsx";
import "./frame.css";
import { SECTIONS } from "./sections.ts";
import { applyTheme, readTheme, THEMES, type Theme } from "./theme.ts";

export function Frame(): ReactNode {
  const strings = useStrings();
  const [isOpen, setOpen] = useState(false);
  return (
    <div className="frame">
      <a className="skip" href="#content">
        {strings.app.skip}
      </a>
      <header className="bar no-print">
        <button type="button" className="menu-button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {strings.app.menu}
        </button>
        <NavLink to="/" className="brand">
          LHG
        </NavLink>
        <SearchBox />
        <ThemeSwitch />
      </header>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the links inside are operated by keys; this only folds the menu after one */}
      <nav className={isOpen ? "menu no-print open" : "menu no-print"} onClick={() => setOpen(false)}>
        {SECTIONS.filter(({ label }) => label !== undefined).map(({ path, label }) => (
          <NavLink key={path} to={path} end={path === "/"}>
            {strings.sections[label!]}
          </NavLink>
        ))}
      </nav>
      <main id="content" tabIndex={-1}>
        <Connection />
        <Suspense fallback={<Loading />}>
          <Routes>
            {SECTIONS.map(({ path, page: Page }) => (
              <Route key={path} path={path} element={<Page />} />
            ))}
          </Routes>
        </Suspense>
      </main>
    </div>
  );
}

function SearchBox(): ReactNode {
  const strings = useStrings();
  const navigate = useNavigate();
  const search = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("q") ?? "").trim();
    if (text !== "") navigate(`/search?q=${encodeURIComponent(text)}`);
  };
  return (
    <search className="search">
      <form onSubmit={search}>
        <input
          name="q"
          type="search"
          aria-label={strings.search.label}
          placeholder={strings.search.placeholder}
          maxLength={1024}
          autoComplete="off"
          spellCheck={false}
        />
      </form>
    </search>
  );
}

function ThemeSwitch(): ReactNode {
  const strings = useStrings();
  const [theme, setTheme] = useState<Theme>(readTheme);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
  return (
    <button
      type="button"
      className="theme-button"
      onClick={() => {
        applyTheme(next);
        setTheme(next);
      }}
    >
      {strings.app.theme[theme]}
    </button>
  );
}

/** Says when the node is away; what was loaded stays on the page. */
function Connection(): ReactNode {
  const { connection } = useLive();
  const strings = useStrings();
  return (
    <div role="status" className="connection">
      {connection === "lost" ? <p className="lost">{strings.app.unreachable}</p> : null}
    </div>
  );
}
