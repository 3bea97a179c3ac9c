#!/bin/sh
# The paper's study at a small scale, all of it or one table: methods, sizes, tokenizers, target, length. Sets up what it needs first; runs that
# are done are not repeated. Usage: examples/study/run.sh [TABLE] [arguments of the program study, such as --data DIR; --help lists them]
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd -P)
. "$root/cmake/setup.sh"

table=all
case "${1:-}" in
  "" | -*) ;;
  *) table=$1; shift ;;
esac
need_basics
say "building"
configure "$root/build" -DCMAKE_BUILD_TYPE=Release --log-level=WARNING
compile "$root/build" study finetune pretrain pretrain_split_inpaint pretrain_split_match pretrain_beit pretrain_mae pretrain_dino pretrain_moco_v3
say "running study --table $table $*"
exec "$root/build/examples/study" --table "$table" "$@"
