SELECT json_group_array(n) FROM (SELECT n FROM items ORDER BY n);
