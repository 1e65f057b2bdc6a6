"""The distributed part: activations planned from the database's clock, fanned out in chunks, done by any worker."""
