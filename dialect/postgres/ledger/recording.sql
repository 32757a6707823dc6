recording := NOT EXISTS (
$check);
IF NOT recording AND NOT $optional THEN
  outcome := $unusable;
  EXIT massive;
END IF;
