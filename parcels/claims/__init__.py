"""Project areas, the claims they hold on land, and the areas that exclude a claim."""
