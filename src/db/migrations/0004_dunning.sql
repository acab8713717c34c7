-- Teams with an unpaid invoice, for those who look among them for what waits: few of all.
create index teams_in_dunning on tagih.teams (id) where strike > 0;
