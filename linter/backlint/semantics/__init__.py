"""From syntax to meaning: lowers one file's tree to symbols, terms, blocks and events."""
