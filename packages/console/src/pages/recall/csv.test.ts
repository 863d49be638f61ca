import assert from "node:assert/strict";
import { test } from "node:test";
import { toCsv } from "./csv.ts";

test("no cell runs as a formula, and quotes are doubled", () => {
  assert.equal(
    toCsv(
      ["a", "b"],
      [
        ['=HYPERLINK("x")', "-37.8"],
        ["+1", 'say "no", twice\n'],
      ],
    ),
    'a,b\r\n"\'=HYPERLINK(""x"")",-37.8\r\n\'+1,"say ""no"", twice\n"\r\n',
  );
});
