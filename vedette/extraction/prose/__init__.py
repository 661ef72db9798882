"""Reading prose: what reports and news say, sentence by sentence, as entities, relations and techniques."""
