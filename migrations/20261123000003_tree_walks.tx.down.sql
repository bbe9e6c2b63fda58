ALTER TABLE tree_session_steps DROP COLUMN to_user_id, DROP CONSTRAINT tree_session_steps_output_check;
ALTER TABLE tree_sessions DROP COLUMN start_places, DROP COLUMN places, DROP COLUMN place_tree_id, DROP COLUMN place_version, DROP COLUMN known_values;
DROP TABLE tree_version_pins;
