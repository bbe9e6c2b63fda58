DROP TABLE tree_words;
DROP TABLE tree_search;
