# Every target calls ./dev, which says more about itself: ./dev --help

.PHONY: help up down status test check bench migrate seed

help:
	@./dev --help

up down status test check migrate seed:
	@./dev $@

bench:
	@./dev bench $(NAME)
