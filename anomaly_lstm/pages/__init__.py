"""What people look at: pages that stand alone, their words, their pictures, and the facts they tell."""
