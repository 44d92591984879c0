-- Patterns of the administrator: checked when added, limited when used.
\pset format unaligned
\pset tuples_only on
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT hoopguard.add_class('badge', 'pii');

-- a pattern is used from the next statement on
SELECT hoopguard.add_pattern('badge', 'HG-\d{4}') AS first \gset
SELECT * FROM hoopguard.detect_spans('his HG-0042, her HG-0043; not HG-1');
SELECT hoopguard.detect('HG-0042');

-- with a hint it counts only beside one of its words
SELECT hoopguard.add_pattern('badge', '\b\d{5}\b', 'badge, staff no') AS second \gset
SELECT * FROM hoopguard.detect_spans('badge 12345, and by the way, of all the things that we sell, item 54321');
SELECT coalesce(hoopguard.detect('12345', c), '-') FROM unnest('{badge,item}'::text[]) c;

-- built-in spans and patterns do not overlap
SELECT hoopguard.add_pattern('badge', '@example') AS third \gset
SELECT * FROM hoopguard.detect_spans('ada@example.org x@example');
SELECT hoopguard.drop_pattern(:third);

-- refused: no class, no pattern, what matches nothing at all, too long
SELECT hoopguard.add_pattern('nosuch', 'x');
SELECT hoopguard.add_pattern('badge', '');
SELECT hoopguard.add_pattern('badge', 'a(b');
SELECT hoopguard.add_pattern('badge', 'a*');
SELECT hoopguard.add_pattern('badge', repeat('x', 1001));
SELECT hoopguard.drop_pattern(-1);

-- one that would search for ever hides the rest instead
SELECT hoopguard.add_pattern('badge', '(a+)+$') AS fourth \gset
SELECT * FROM hoopguard.detect_spans(repeat('a', 60) || 'b');
SELECT hoopguard.drop_pattern(:fourth);

-- a rolled back pattern is gone
BEGIN;
SELECT hoopguard.add_pattern('badge', 'zzz') > 0;
SELECT hoopguard.detect('zzz');
ROLLBACK;
SELECT coalesce(hoopguard.detect('zzz'), '-');
SELECT hoopguard.drop_pattern(:second);
SELECT hoopguard.drop_pattern(:first);
SELECT coalesce(hoopguard.detect('HG-0042'), '-');
