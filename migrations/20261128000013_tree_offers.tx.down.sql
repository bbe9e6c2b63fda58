DROP TABLE tree_session_drafts, tree_offer_steps, tree_offers;
