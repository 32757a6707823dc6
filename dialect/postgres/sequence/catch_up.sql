DECLARE
  path pg_catalog.text; security pg_catalog.text; kinds pg_catalog.text; patience pg_catalog.text := pg_catalog.current_setting('lock_timeout');
  outcome integer := 0; remaining integer := 0;
BEGIN
  PERFORM pg_catalog.set_config('massive.moved', '', true);
  $guard_on
  $hurry
  FOREACH path IN ARRAY $paths LOOP
    DECLARE
      rel pg_catalog.oid; look pg_catalog.record; def pg_catalog.record; place pg_catalog.record;
      definition pg_catalog.refcursor; locked boolean := false; columns integer; unread integer;
      value numeric; furthest numeric; bound numeric; upcoming numeric;
    BEGIN
      rel := path::pg_catalog.regclass::pg_catalog.oid;
      outcome := 0;
      LOOP
        furthest := NULL; bound := NULL; columns := 0; unread := 0;
        IF definition IS NOT NULL THEN
          CLOSE definition;
        END IF;
        OPEN definition SCROLL FOR
          SELECT d.seqincrement::numeric AS step, d.seqmin::numeric AS lowest, d.seqmax::numeric AS highest, d.seqcache::pg_catalog.text AS cache, d.xmax
            FROM pg_catalog.pg_sequence d WHERE d.seqrelid OPERATOR(pg_catalog.=) rel;
        FETCH definition INTO def;
        IF locked OR $check_first THEN
          FOR look IN
$compared
          LOOP
            IF look.distrust OPERATOR(pg_catalog.<>) '' THEN
              unread := unread OPERATOR(pg_catalog.+) 1;
              CONTINUE;
            END IF;
            CONTINUE WHEN look.furthest OPERATOR(pg_catalog.=) '';
            IF look.guarded OR NOT look.readable OR NOT look.safe THEN
              columns := 0;
              EXIT;
            END IF;
            EXECUTE pg_catalog.concat('SELECT ', look.furthest) INTO value;
            IF furthest IS NULL AND value IS NOT NULL
               OR (pg_catalog.sign(def.step) OPERATOR(pg_catalog.*) (value OPERATOR(pg_catalog.-) furthest)) OPERATOR(pg_catalog.>) '0'::numeric THEN
              furthest := value; bound := look.bound::numeric;
            END IF;
            columns := columns OPERATOR(pg_catalog.+) 1;
          END LOOP;
          IF columns OPERATOR(pg_catalog.=) 0 THEN
            outcome := $not_comparable;
            EXIT;
          END IF;
          IF unread OPERATOR(pg_catalog.>) 0 THEN
            outcome := $partly_not_behind;
          END IF;
          EXECUTE pg_catalog.format('SELECT s.last_value, s.is_called FROM ONLY %s s WHERE s.tableoid OPERATOR(pg_catalog.=) %s', path, rel) INTO place;
          IF place.last_value IS NULL THEN
            RAISE undefined_table USING MESSAGE = 'the sequence was replaced by another relation';
          END IF;
          upcoming := place.last_value::numeric;
          IF place.is_called THEN
            upcoming := upcoming OPERATOR(pg_catalog.+) def.step;
          END IF;
          EXIT WHEN furthest IS NULL
            OR upcoming OPERATOR(pg_catalog.<) def.lowest OR upcoming OPERATOR(pg_catalog.>) def.highest
            OR (pg_catalog.sign(def.step) OPERATOR(pg_catalog.*) (upcoming OPERATOR(pg_catalog.-) furthest)) OPERATOR(pg_catalog.>) '0'::numeric;
          upcoming := upcoming OPERATOR(pg_catalog.+)
            ((pg_catalog.div(furthest OPERATOR(pg_catalog.-) upcoming, def.step) OPERATOR(pg_catalog.+) '1'::numeric) OPERATOR(pg_catalog.*) def.step);
          IF (pg_catalog.sign(def.step) OPERATOR(pg_catalog.*) (upcoming OPERATOR(pg_catalog.-) bound)) OPERATOR(pg_catalog.>) '0'::numeric THEN
            RAISE numeric_value_out_of_range USING MESSAGE = pg_catalog.format('the column ends at %s, and %s would be next', bound, upcoming);
          END IF;
          IF locked THEN
            EXECUTE pg_catalog.concat('ALTER SEQUENCE ', path, ' RESTART WITH ', upcoming);
            outcome := CASE WHEN unread OPERATOR(pg_catalog.=) 0 THEN $caught_up ELSE $partly_caught_up END;
            EXIT;
          END IF;
        END IF;
        BEGIN
          EXECUTE pg_catalog.concat('ALTER SEQUENCE ', path, ' CACHE ', def.cache);
          FETCH FIRST FROM definition INTO def;
          IF NOT EXISTS (SELECT FROM pg_catalog.pg_sequence d
                          WHERE d.seqrelid OPERATOR(pg_catalog.=) rel AND d.xmin OPERATOR(pg_catalog.=) def.xmax) THEN
            RAISE SQLSTATE '$altered';
          END IF;
          locked := true;
        $again
        END;
      END LOOP;
      CLOSE definition;
      $after
    $catch
    END;
  END LOOP;
  $patient
  $guard_off
  $report
  IF outcome OPERATOR(pg_catalog.>) 0 THEN
    PERFORM pg_catalog.set_config('massive.moved', outcome::pg_catalog.text, true);
  END IF;
END