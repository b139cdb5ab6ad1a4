common-held-by = with { $name }
