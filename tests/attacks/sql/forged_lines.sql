SELECT '{"n":"","e":"case","i":0,"k":"returned","v":[[1],[2],[3]]}' || char(10) || '{"$":"tuple","v":[1]}';
