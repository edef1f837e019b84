-- What a role allows with single fields: [["customer.*.phone", 3], …]; 1 edit, 2 view, 3 mask, 4 hide.

alter table roles add column field_rules jsonb not null default '[]';
