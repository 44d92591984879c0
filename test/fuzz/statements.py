#!/usr/bin/env python3
"""Random statements over schema.sql, the same for the same seed.

    statements.py SEED            endless, for the agent: views, functions and
                                  what uses them; each ends with a line ";"
    statements.py --admin SEED    a superuser's views and functions, for psql

Views stand on views and functions made before, so a masked column reaches the
surface through many layers.  Types are tracked loosely: every expression is
turned into text, which each type can, so most statements run.
"""
import random
import sys

TABLES = {
    'fz.person': ['id', 'grp', 'name', 'mail', 'code', 'padded', 'short',
                  'checked', 'salary', 'big', 'rate', 'ratio', 'born', 'seen',
                  'uid', 'doc', 'raw', 'page', 'tags', 'scores', 'home',
                  'homes', 'photo', 'ip', 'span', 'pairs', 'words', 'note',
                  'lowered'],
    'fz.orders': ['id', 'person_id', 'person_name', 'amount', 'memo'],
    'fz.part': ['id', 'region', 'secret', 'n'],
    'fz.part_eu': ['id', 'region', 'secret', 'n'],
    'fz.part_us': ['id', 'region', 'secret', 'n'],
    'fz.part_rest_1': ['id', 'region', 'secret', 'n'],
    'fz.base': ['id', 'secret'],
    'fz.child': ['id', 'secret', 'more'],
    'fz.grandchild': ['id', 'secret', 'more', 'n'],
    'fz.guarded': ['id', 'owner', 'secret'],
    'fz.plain': ['id', 't', 'n', 'j', 'd'],
}
VIEWS = {
    'fz.v_simple': ['id', 'who', 'twice'],
    'fz.v_row': ['whole', 'home'],
    'fz.v_join': ['id', 'name', 'person_name', 'amount', 'memo'],
    'fz.v_agg': ['grp', 'top', 'tags', 'docs', 'total'],
    'fz.v_barrier': ['id', 'name', 'doc', 'tags'],
    'fz.v_check': ['id', 'grp', 'name', 'salary', 'note'],
    'fz.v_invoker': ['id', 'name', 'rate', 'photo'],
    'fz.v_union': ['name'],
    'fz.v_over': ['who', 'top', 'lag'],
    'fz.v_lateral': ['id', 'tag', 'key', 'value'],
    'fz.v_cte': ['id', 'name', 'n'],
    'fz.mv': ['id', 'name', 'salary'],
}
FUNCTIONS = {
    'fz.f_sql({})': ['id', 'name', 'salary', 'doc'],
    'fz.f_atomic({})': ['a', 'b'],
    'fz.f_definer_rows()': ['id', 'name', 'home', 'tags'],
}
SCALARS = ['fz.f_scalar({})', 'fz.f_definer({})', 'fz.f_plpgsql({})::text']

# {x} is a text expression
WRAPS = [
    'upper({x})', 'lower({x})', 'reverse({x})', 'md5({x})',
    "encode(convert_to({x}, 'UTF8'), 'base64')",
    "encode(convert_to({x}, 'UTF8'), 'hex')", 'left({x}, 15)', '{x} || {x}',
    'to_jsonb({x})::text', "coalesce({x}, 'none')", 'length({x})::text',
    "regexp_replace({x}, '[aeiou]', '_', 'g')", 'substr({x}, 1, 20)',
    "(CASE WHEN {x} > 'M' THEN {x} ELSE 'low' END)", "nullif({x}, 'q')",
    "(string_to_array({x}, '-'))[1]", 'quote_literal({x})', 'row({x})::text',
    "(SELECT string_agg(c, '') FROM regexp_split_to_table({x}, '') c)",
    "format('%s/%I', {x}, {x})", 'array[{x}]::text', "translate({x}, '@', '#')",
    "to_tsvector('simple', {x})::text", 'xmlelement(name e, {x})::text',
    'least({x}, {x})', 'public.show_trgm({x})::text',
    "public.hstore('k', {x})::text", 'ascii({x})::text', "{x}::xml::text",
    '{x}::varchar(12)::text', 'jsonb_build_object({x}, {x})::text',
    'fz.f_text({x})::text', '({x} COLLATE "C")', '({x})::name::text',
]
AGGREGATES = ['max({x})', 'min({x})', "string_agg({x}, ',')",
              'array_agg({x})::text', 'json_agg({x})::text',
              'jsonb_object_agg({x}, {x})::text', 'count({x})::text',
              'mode() WITHIN GROUP (ORDER BY {x})',
              'percentile_disc(0.5) WITHIN GROUP (ORDER BY {x})',
              'count(DISTINCT {x})::text', 'xmlagg(xmlelement(name a, {x}))::text']
WINDOWS = ['lag({x}) OVER (ORDER BY {y})', 'first_value({x}) OVER (ORDER BY {y})',
           'max({x}) OVER (PARTITION BY {y})', 'rank() OVER (ORDER BY {x})::text',
           'nth_value({x}, 2) OVER (ORDER BY {y} ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)',
           "string_agg({x}, ',') OVER (ORDER BY {y})"]
# statements that provoke errors which could quote a value
ODD = ['({x})::int::text', '({x})::date::text', '({x})::uuid::text',
       '({x})::jsonb::text', '({x})::inet::text', '(1 / length({x}))::text',
       '({x})::numeric::text', 'to_number({x}, {x})::text', '({x})::regclass::text',
       '({x})::fz.code::text', 'set_config({x}, {x}, true)', '({x})::int4range::text',
       "('{{' || {x})::int[]::text", '({x})::bytea::text', '({x})::interval::text',
       "current_setting({x})", '({x})::tsquery::text', "repeat({x}, 2000000)",
       "query_to_xml('SELECT ' || quote_literal({x}), true, false, '')::text",
       "jsonb_path_query(to_jsonb({x}), ({x})::jsonpath)::text",
       'to_date({x}, {x})::text', "decode({x}, 'hex')::text",
       '({x})::public.hstore::text', "convert_from(decode({x}, 'base64'), 'UTF8')"]


class Maker:
    def __init__(self, seed, schema, admin):
        self.r = random.Random(seed)
        self.schema = schema
        self.admin = admin
        self.sources = {}
        self.sources.update(TABLES)
        self.sources.update(VIEWS)
        self.functions = dict(FUNCTIONS)
        self.scalars = list(SCALARS)
        self.made = 0

    def pick(self, items):
        return self.r.choice(list(items))

    def chance(self, percent):
        return self.r.randrange(100) < percent

    # ---- pieces ----

    def source(self, alias, names):
        """A FROM item and the names of its columns."""
        roll = self.r.randrange(10)
        if roll < 2:
            call = self.pick(self.functions)
            columns = self.functions[call]
            return '%s %s' % (call.format(self.r.randrange(1, 5)), alias), columns
        if roll == 2 and names < 3:
            text, columns = self.select(names + 1)
            return '(%s) %s' % (text, alias), columns
        name = self.pick(self.sources)
        only = 'ONLY ' if name in TABLES and self.chance(10) else ''
        sample = ''
        if name in TABLES and self.chance(5):
            sample = ' TABLESAMPLE system (90)'
        return '%s%s %s%s' % (only, name, alias, sample), self.sources[name]

    def value(self, scope, depth=0):
        """A text expression over {alias: columns}."""
        alias = self.pick(scope)
        roll = self.r.randrange(40)
        if roll == 0:
            x = '%s::text' % alias
        elif roll == 1:
            x = 'to_jsonb(%s)::text' % alias
        elif roll == 2:
            x = self.pick(self.scalars).format(self.r.randrange(1, 10))
        elif roll == 3 and depth < 2:
            text, columns = self.select(2, outer=scope)
            x = '(SELECT %s::text FROM (%s) z LIMIT 1)' % (columns[0], text)
        elif roll == 4:
            x = 'row_to_json(%s)::text' % alias
        else:
            x = '%s.%s::text' % (alias, self.pick(scope[alias]))
        while self.chance(30) and depth < 3:
            x = self.pick(WRAPS).replace('{x}', x)
            depth += 1
        if self.chance(3):
            x = self.pick(ODD).replace('{x}', x).replace('{{', '{')
        return x

    def condition(self, scope):
        x = self.value(scope, 2)
        y = self.value(scope, 2)
        return self.pick([
            '%s > %s' % (x, y), '%s = %s' % (x, y), "%s LIKE '%%a%%'" % x,
            '%s IS NOT NULL' % x, '%s IN (SELECT %s)' % (x, y),
            "%s ~ '[0-9]'" % x, 'length(%s) < 40' % x,
            'EXISTS (SELECT 1 FROM fz.person q WHERE q.name = %s)' % x,
            '%s BETWEEN %s AND %s' % (x, y, y), 'NOT (%s < %s)' % (x, y),
            '(%s, 1) < (%s, 2)' % (x, y), 'true'])

    def select(self, names=0, outer=None):
        """Text of a SELECT and the names of its columns."""
        roll = self.r.randrange(12)
        if roll == 0 and names < 2:
            left, columns = self.select(names + 1, outer)
            right, more = self.select(names + 1, outer)
            n = min(len(columns), len(more))
            keep = ['c%d' % i for i in range(n)]
            return ('SELECT %s FROM (%s) l %s SELECT %s FROM (%s) r'
                    % (', '.join('l.%s::text AS %s' % p
                                 for p in zip(columns, keep)), left,
                       self.pick(['UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT']),
                       ', '.join('%s::text' % c for c in more[:n]), right)), keep
        scope = dict(outer or {}) if self.chance(50) else {}
        prefix = 'abcdefgh'[names] if outer is None else 'stuvwxyz'[names]
        items = []
        mine = {}
        for i in range(self.r.choice([1, 1, 1, 2, 2, 3])):
            alias = '%s%d' % (prefix, i)
            text, columns = self.source(alias, names)
            mine[alias] = columns
            items.append((alias, text))
        scope.update(mine)
        from_ = items[0][1]
        seen = {items[0][0]: mine[items[0][0]]}
        for alias, text in items[1:]:
            seen[alias] = mine[alias]
            kind = self.pick(['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN',
                              'CROSS JOIN'])
            on = '' if kind == 'CROSS JOIN' else ' ON %s::text = %s::text' % (
                self.column(alias, seen), self.column(items[0][0], seen))
            from_ += ' %s %s%s' % (kind, text, on)
        n = self.r.randrange(1, 5)
        names_ = ['c%d' % i for i in range(n)]
        where = ' WHERE ' + self.condition(scope) if self.chance(50) else ''
        if roll in (1, 2):
            key = self.value(mine, 2)
            parts = ['%s AS c0' % key]
            for name in names_[1:]:
                x = self.pick(AGGREGATES).replace('{x}', self.value(mine, 2))
                parts.append('%s AS %s' % (x, name))
            group = self.pick(['1', 'ROLLUP (1)', '%s' % key])
            having = ' HAVING count(*) > 0' if self.chance(20) else ''
            return 'SELECT %s FROM %s%s GROUP BY %s%s' % (
                ', '.join(parts), from_, where, group, having), names_
        parts = []
        for name in names_:
            x = self.value(scope)
            if roll == 3:
                x = self.pick(WINDOWS).replace('{x}', x).replace(
                    '{y}', self.value(scope, 2)).replace('OVER (ORDER BY', 'OVER (ORDER BY')
                if x.startswith('rank()'):
                    x = x.replace(')::text', ')')
            parts.append('%s AS %s' % (x, name))
        text = 'SELECT %s%s FROM %s%s' % (
            'DISTINCT ' if self.chance(8) else '', ', '.join(parts), from_, where)
        if self.chance(15) and names == 0:
            text += ' ORDER BY %d' % self.r.randrange(1, n + 1)
            if self.chance(50):
                text += ' LIMIT %d OFFSET %d' % (self.r.randrange(1, 9),
                                                 self.r.randrange(3))
        return text, names_

    def column(self, alias, scope):
        return '%s.%s' % (alias, self.pick(scope[alias]))

    # ---- statements ----

    def make_view(self):
        text, columns = self.select()
        self.made += 1
        name = '%s.v%d' % (self.schema, self.made)
        option = self.pick(['', '', ' WITH (security_barrier)',
                            ' WITH (security_invoker)'])
        self.sources[name] = columns
        if not self.admin and self.chance(15):
            return 'CREATE MATERIALIZED VIEW %s AS %s' % (name, text)
        return 'CREATE VIEW %s%s AS %s' % (name, option, text)

    def make_function(self):
        self.made += 1
        name = '%s.f%d' % (self.schema, self.made)
        definer = self.pick(['', ' SECURITY DEFINER'])
        volatility = self.pick([' STABLE', ' VOLATILE', ' IMMUTABLE'])
        roll = self.r.randrange(5)
        if roll == 0:
            text, columns = self.select()
            self.functions['%s({})' % name] = columns
            returns = ', '.join('%s text' % c for c in columns)
            text = 'SELECT %s FROM (%s) z' % (
                ', '.join('%s::text' % c for c in columns), text)
            if self.chance(50):
                return ('CREATE FUNCTION %s(i int) RETURNS TABLE (%s) LANGUAGE sql%s%s'
                        ' BEGIN ATOMIC %s; END' % (name, returns, volatility, definer, text))
            return ('CREATE FUNCTION %s(i int) RETURNS TABLE (%s) LANGUAGE sql%s%s AS $f$%s$f$'
                    % (name, returns, volatility, definer, text))
        x = self.value({'p': TABLES['fz.person']}, 1)
        self.scalars.append('%s({})' % name)
        if roll == 1:
            return ('CREATE FUNCTION %s(i int) RETURNS text LANGUAGE sql%s%s AS '
                    '$f$SELECT %s FROM fz.person p WHERE p.id = i$f$'
                    % (name, volatility, definer, x))
        body = self.pick([
            'RETURN (SELECT %s FROM fz.person p WHERE p.id = i);',
            "FOR r IN SELECT %s AS x FROM fz.person p LOOP RAISE NOTICE '%%', r; "
            'END LOOP; RETURN r.x;',
            "EXECUTE 'SELECT $q$' || i || '$q$' INTO r; "
            'SELECT %s AS x INTO r FROM fz.person p WHERE p.id = i; RETURN r.x;',
            'SELECT %s AS x INTO STRICT r FROM fz.person p; RETURN r.x; '
            'EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL,'
            ' c = PG_EXCEPTION_CONTEXT, m = MESSAGE_TEXT; RETURN d || c || m;',
            "SELECT %s AS x INTO r FROM fz.person p WHERE p.id = i; ASSERT i < 0, r.x; RETURN r.x;",
            "SELECT %s AS x INTO r FROM fz.person p WHERE p.id = i; "
            "PERFORM pg_notify('c', r.x); RAISE WARNING USING MESSAGE = r.x, DETAIL = r.x, HINT = r.x; RETURN r;",
        ])
        return ('CREATE FUNCTION %s(i int) RETURNS text LANGUAGE plpgsql%s%s AS $f$'
                'DECLARE r record; d text; c text; m text; BEGIN %s END $f$'
                % (name, volatility, definer, body.replace('%s', x).replace('%%', '%')))

    def assignment(self):
        return self.pick([
            ('note', "'n' || id"), ('note', 'name'), ('note', 'doc::text'),
            ('name', "'new' || id"), ('name', 'upper(name)'), ('salary', '5'),
            ('salary', 'salary + 1'), ('salary', '-1'), ('checked', "'no'"),
            ('tags', "'{a,b}'"), ('grp', 'length(name)'), ('id', 'id + 1'),
            ('name', "'x'"), ('code', "repeat('x', 30)"), ('grp', 'NULL'),
            ('mail', "'m@n.test'"), ('born', "'2001-01-01'"), ('home', "ROW('s', 1)"),
            ('home.zip', '3'), ('scores[2]', '4'), ("doc['k']", "'1'")])

    def write(self):
        scope = {'person': TABLES['fz.person']}
        cond = self.condition(scope)
        column, value = self.assignment()
        returning = self.pick(['', ' RETURNING *', ' RETURNING person',
                               ' RETURNING ' + self.value(scope)])
        source, columns = self.source('s', 1)
        x = self.value({'s': columns}, 2)
        n = self.r.randrange(1, 60)
        statement = self.r.randrange(16)
        if statement == 0:
            return 'UPDATE fz.person SET %s = %s WHERE %s%s' % (column, value, cond, returning)
        if statement == 1:
            return 'DELETE FROM fz.person WHERE %s%s' % (cond, returning)
        if statement == 2:
            return "UPDATE fz.person SET note = s.%s::text FROM %s WHERE person.id = %d%s" % (
                self.pick(columns), source, n % 9 + 1, returning)
        if statement == 3:
            return ("INSERT INTO fz.person (id, grp, name, note) SELECT %d, 1, 'n%d', %s FROM %s LIMIT 1%s"
                    % (n, n, x, source, returning))
        if statement == 4:
            return ("INSERT INTO fz.person (id, grp, name, salary) VALUES (%d, 1, 'name%d', 1) "
                    'ON CONFLICT (id) DO UPDATE SET note = person.%s::text || excluded.name%s'
                    % (n % 12, n, self.pick(TABLES['fz.person']), returning))
        if statement == 5:
            return ("MERGE INTO fz.person USING %s ON person.%s::text = %s WHEN MATCHED AND %s "
                    'THEN UPDATE SET note = %s WHEN NOT MATCHED THEN DO NOTHING'
                    % (source, self.pick(TABLES['fz.person']), x, cond, x))
        if statement == 6:
            return ("WITH w AS (UPDATE fz.part SET n = length(secret) WHERE id < %d RETURNING *) "
                    'SELECT w, w.secret FROM w' % n)
        if statement == 7:
            return "UPDATE fz.v_check SET %s = %s WHERE %s RETURNING *" % (
                self.pick(['note', 'grp', 'salary', 'id']), self.pick(["1", "NULL", "999999999"]),
                self.pick(['id = 3', "name LIKE 'Z%'", 'salary > 730914604']))
        if statement == 8:
            return 'DELETE FROM fz.v_barrier WHERE fz.f_text(name) > 0 RETURNING *'
        if statement == 9:
            return ("INSERT INTO fz.orders VALUES (%d, %d, %s, 1, 'm') RETURNING *"
                    % (n + 20, n % 14, self.pick(["'nobody'", 'NULL', "'other'"])))
        if statement == 10:
            return ("INSERT INTO fz.part SELECT id, region, %s, n FROM fz.part s RETURNING *"
                    % self.value({'s': TABLES['fz.part']}, 2))
        if statement == 11:
            return 'UPDATE fz.base SET id = id + length(secret) RETURNING tableoid::regclass, base, *'
        if statement == 12:
            return "INSERT INTO fz.guarded VALUES (%d, '', 's') RETURNING *" % n
        if statement == 13:
            return "UPDATE fz.guarded SET owner = '%s' RETURNING *" % self.pick(['', 'x', 'Zqx'])
        if statement == 14:
            return 'UPDATE fz.part SET region = \'%s\' WHERE secret::text > %r RETURNING *' % (
                self.pick(['us', 'eu', 'none']), self.pick('AMZ'))
        return 'COPY %s TO STDOUT%s' % (
            self.pick(TABLES), self.pick(['', ' (FORMAT csv, HEADER)', ' (FORMAT binary)']))

    def other(self):
        text, columns = self.select()
        roll = self.r.randrange(13)
        if roll == 0:
            return 'CREATE TEMP TABLE t0 AS %s; SELECT t0 FROM t0; UPDATE t0 SET c0 = c0 RETURNING *' % text
        if roll == 1:
            return 'CALL fz.p_raise(%d)' % self.r.randrange(1, 9)
        if roll == 2:
            return "SELECT query_to_xml($q$%s$q$, true, false, '')" % text
        if roll == 3:
            return "SELECT table_to_xml('%s', true, true, '')" % self.pick(TABLES)
        if roll == 4:
            return 'EXPLAIN (ANALYZE, VERBOSE, FORMAT %s) %s' % (
                self.pick(['json', 'text', 'xml', 'yaml']), text)
        if roll == 5:
            return ("SELECT * FROM pg_stats s WHERE schemaname = 'fz'" if self.chance(50) else
                    'SELECT * FROM pg_stats_ext, pg_stats_ext_exprs')
        if roll == 6:
            return ("DO $d$ DECLARE r record; BEGIN FOR r IN %s LOOP IF r.c0 > 'm' THEN "
                    "RAISE NOTICE '%%', r.c0; END IF; END LOOP; END $d$" % text)
        if roll == 7:
            return 'SELECT * FROM ts_stat($q$SELECT words FROM fz.person$q$)'
        if roll == 8:
            return ("SELECT * FROM public.crosstab($q$SELECT id::text, name::text, code::text FROM fz.person$q$)"
                    ' AS c(a text, b text, c text)')
        if roll == 9:
            return ('PREPARE p(text) AS SELECT %s FROM fz.person p WHERE p.%s::text > $1; '
                    "EXECUTE p('a'); EXECUTE p('M'); SET plan_cache_mode = force_generic_plan; EXECUTE p('');"
                    ' DEALLOCATE p' % (self.value({'p': TABLES['fz.person']}),
                                       self.pick(TABLES['fz.person'])))
        if roll == 10:
            return ('DECLARE k SCROLL CURSOR WITH HOLD FOR %s; FETCH 3 k; MOVE 1 k; FETCH BACKWARD ALL k; CLOSE k'
                    % text)
        if roll == 11:
            return 'SELECT xmltable.* FROM fz.person, xmltable($x$/p$x$ PASSING page COLUMNS a text PATH $x$@a$x$)'
        return ('SELECT * FROM json_to_recordset((SELECT json_agg(p) FROM fz.person p)) AS x(name text, salary int, doc json)')

    def statement(self):
        roll = self.r.randrange(100)
        if roll < 8:
            return '--commit\n' + self.make_view()
        if roll < 14:
            return '--commit\n' + self.make_function()
        if roll < 60:
            return self.select()[0]
        if roll < 85:
            return self.write()
        return self.other()


def main():
    if sys.argv[1] == '--admin':
        maker = Maker(sys.argv[2], 'fz', True)
        for i in range(40):
            for text in (maker.make_view(), maker.make_function()):
                print(text + ';')
        print('GRANT SELECT ON ALL TABLES IN SCHEMA fz TO fz_agent;')
        return
    maker = Maker(sys.argv[1], 'agent_ws', False)
    # what --admin made; those that failed are simply not there
    for i in range(1, 81, 2):
        maker.sources['fz.v%d' % i] = ['c0']
        maker.scalars.append('fz.f%d({})' % (i + 1))
    print('--commit\nDROP SCHEMA IF EXISTS agent_ws CASCADE;'
          'CREATE SCHEMA agent_ws\n;')
    while True:
        if maker.made > 200:
            print('--commit\nDROP SCHEMA agent_ws CASCADE; CREATE SCHEMA agent_ws\n;')
            for made in (maker.sources, maker.functions):
                for name in [n for n in made if n.startswith('agent_ws.')]:
                    del made[name]
            maker.scalars = [s for s in maker.scalars if not s.startswith('agent_ws.')]
            maker.made = 0
        print(maker.statement())
        print(';')


if __name__ == '__main__':
    try:
        main()
    except BrokenPipeError:
        sys.stderr.close()
