DROP TABLE login_connections;
DROP TABLE nodes;
