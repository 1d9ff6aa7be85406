/* a; comment; with 'quotes' */
CREATE TEMP TABLE marks (mark TEXT DEFAULT 'a;b');
INSERT INTO marks VALUES ('it''s; "fine"'), (';');
-- 'unclosed
SELECT n FROM items WHERE (SELECT count(*) FROM marks WHERE mark LIKE '%;%') = 2 ORDER BY n;;
