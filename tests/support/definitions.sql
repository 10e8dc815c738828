-- Everything that a migration can define, one line an object, the same on each server that has the same schema.
WITH ours AS (
    SELECT oid, nspname FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'
), relation AS (
    SELECT c.*, c.oid::regclass::text AS name FROM pg_class c JOIN ours ON ours.oid = c.relnamespace
), definition AS (
    SELECT format('schema %I %s', nspname, nspacl) AS line FROM ours JOIN pg_namespace USING (oid, nspname)
    UNION ALL
    SELECT format('extension %s %s', extname, extversion) FROM pg_extension
    UNION ALL
    SELECT format('relation %s %s%s %s %s %s %s %s', name, relkind, relpersistence, relrowsecurity, relforcerowsecurity,
                  reloptions, relacl, pg_get_expr(relpartbound, oid)) FROM relation
    UNION ALL
    SELECT format('column %s %s %s %s %s%s%s %s %s %s', name, attnum, attname, format_type(atttypid, atttypmod), attnotnull,
                  attidentity, attgenerated, attcollation, attacl, pg_get_expr(adbin, adrelid))
    FROM pg_attribute JOIN relation ON relation.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT format('inherits %s %s', name, inhparent::regclass) FROM pg_inherits JOIN relation ON relation.oid = inhrelid
    UNION ALL
    SELECT format('index %s %s %s', name, indisvalid, pg_get_indexdef(indexrelid)) FROM pg_index JOIN relation ON oid = indexrelid
    UNION ALL
    SELECT format('view %s %s', name, pg_get_viewdef(oid)) FROM relation WHERE relkind IN ('v', 'm')
    UNION ALL
    SELECT format('sequence %s %s %s %s %s %s %s %s', name, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache,
                  seqcycle) FROM pg_sequence JOIN relation ON relation.oid = seqrelid
    UNION ALL
    SELECT format('constraint %s %s on %s%s %s', conname, convalidated, conrelid::regclass, NULLIF(contypid, 0)::regtype,
                  pg_get_constraintdef(c.oid)) FROM pg_constraint c JOIN ours ON ours.oid = connamespace
    UNION ALL
    SELECT format('trigger %s %s', tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t JOIN relation ON relation.oid = tgrelid
    WHERE NOT tgisinternal
    UNION ALL
    SELECT format('rule %s', pg_get_ruledef(r.oid)) FROM pg_rewrite r JOIN relation ON relation.oid = ev_class
    UNION ALL
    SELECT format('policy %s %s %s %s %s %s %s', polname, name, polpermissive, polcmd, polroles::regrole[],
                  pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
    FROM pg_policy JOIN relation ON relation.oid = polrelid
    UNION ALL
    SELECT format('function %s %s', proacl, CASE prokind WHEN 'a' THEN p.oid::regprocedure::text ELSE pg_get_functiondef(p.oid) END)
    FROM pg_proc p JOIN ours ON ours.oid = pronamespace
    UNION ALL
    SELECT format('type %s %s %s %s %s %s', t.oid::regtype, typtype, format_type(typbasetype, typtypmod), typnotnull, typdefault, typacl)
    FROM pg_type t JOIN ours ON ours.oid = typnamespace
    UNION ALL
    SELECT format('label %s %s %s', enumtypid::regtype, enumsortorder, enumlabel) FROM pg_enum
    UNION ALL
    SELECT format('event trigger %s %s %s', evtname, evtevent, evtfoid::regproc) FROM pg_event_trigger
    UNION ALL
    SELECT format('default rights %s %s %s', defaclnamespace::regnamespace, defaclobjtype, defaclacl) FROM pg_default_acl
    UNION ALL
    SELECT format('comment %s %s', pg_describe_object(classoid, objoid, objsubid), description) FROM pg_description
    WHERE objoid >= 16384
)
SELECT line FROM definition ORDER BY line COLLATE "C"
