common-held-by = hos { $name }
