# The portal's commands. Each is one step of deploy/local (standard library only), which installs
# what is missing first. Override: PORT= HOST= VAR= DEMO=0 DATABASE_URL= DATABASE_OWNER_URL= ARGS=
.DEFAULT_GOAL := help
.PHONY: run prepare test pictures soak lint bench db stop backup restore lock help
PORT ?= 8000
HOST ?= 127.0.0.1
DEMO ?= 1
export PORT HOST VAR DEMO DATABASE_URL DATABASE_OWNER_URL ARGS FILE KEYS

STEP := @PYTHONDONTWRITEBYTECODE=1 python3 -m deploy.local

run: ## the portal with demo data on http://127.0.0.1:8000/ (Ctrl-C stops everything) · 启动门户
	$(STEP) run

prepare: ## packages, frontend, texts, migration, static files; starts nothing (a server's upgrade) · 准备与升级
	$(STEP) prepare

test: ## set-up, then every test (ARGS= goes to pytest) · 全部测试
	$(STEP) test

pictures: export HANDBOOK_PICTURES = 1
pictures: export ARGS = tests/browser
pictures: ## the browser tests, which take the handbooks' pictures anew · 更新手册截图
	$(STEP) test

soak: ## the long forms of the tests, seed printed · 长时测试
	$(STEP) soak

lint: ## style, types, templates, imports, migrations · 代码检查
	$(STEP) lint

bench: ## speed and memory as ratios measured in one run · 性能测量
	$(STEP) bench

db: ## only the database cluster; prints both URLs · 仅启动数据库
	$(STEP) db

stop: ## stop the private cluster · 停止私有集群
	$(STEP) stop

backup: ## database and files into var/backups, keys apart · 备份
	$(STEP) backup

restore: ## put a backup in the place of the present database: FILE=, on another machine KEYS= too · 恢复
	$(STEP) restore

lock: ## lock versions and hashes anew · 重新锁定依赖
	uv pip compile -q --generate-hashes --no-header --no-annotate --python-version 3.11 pyproject.toml -o requirements/run.txt
	uv pip compile -q --generate-hashes --no-header --no-annotate --python-version 3.11 pyproject.toml --group dev -o requirements/dev.txt
	uv pip compile -q --generate-hashes --no-header --no-annotate --python-version 3.11 pyproject.toml --group dev --group bench -c requirements/dev.txt -o requirements/bench.txt

help: ## this list · 本说明
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10
