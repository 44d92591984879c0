/* src/sql/35_detect.sql: what values hold */

CREATE FUNCTION hoopguard.detect(value text, context text DEFAULT NULL)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'hoopguard_detect';
COMMENT ON FUNCTION hoopguard.detect(text, text) IS
'the class of a value, given the name of the column or key it stands under; NULL = nothing found';
REVOKE ALL ON FUNCTION hoopguard.detect(text, text) FROM PUBLIC;

CREATE FUNCTION hoopguard.detect_spans(value text, OUT byte_start int,
	OUT byte_end int, OUT class text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'hoopguard_detect_spans';
COMMENT ON FUNCTION hoopguard.detect_spans(text) IS
'what is found inside of a text, as bytes from 0; byte_end is the byte after';
REVOKE ALL ON FUNCTION hoopguard.detect_spans(text) FROM PUBLIC;
