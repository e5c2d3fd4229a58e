# SPDX-License-Identifier: Apache-2.0
# Completion of opcost's command line for bash.

_opcost() {
  local word=${COMP_WORDS[COMP_CWORD]}
  local before=${COMP_WORDS[COMP_CWORD - 1]}
  # Bash takes "--format=json" for three words.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  COMPREPLY=()

  local formats="--bits --weight-bits --activation-bits --accumulator-bits"
  local machine="--table --memory-model --reads --array-scope --weights-from"
  machine+=" --graph --weights --skip --padding --allow-unknown"
  local inputs="--batch --dim --unbound --input --trip-count --operators"
  local always="--help --version"
  local views="--format --output --color $always"
  local model="$inputs $views --quiet --verbose"
  local carbon="--carbon-intensity --country --cloud --energy-mix --inferences"
  carbon+=" --pue"
  # Of a measuring session, and of measure alone.
  local session="--counter --powercap-root --runner --python --device --threads"
  session+=" --cpus --optimisation --seed --warm-up --window --idle --trials"
  session+=" --precision"
  local measure="--check --exec --layer-times --modelled-memory --append --group"
  local options= refused=
  local command=${COMP_WORDS[1]}
  case $command in
    compare)
      options="$formats $machine $model --by --sort --top --unit --max-energy"
      options+=" --max-ratio --max-layer-ratio $carbon"
      ;;
    explain) options="$formats $machine $model --layer --unit" ;;
    shapes) options="$model" ;;
    sweep) options="$formats $machine $model --unit" ;;
    weights)
      options="$formats $machine $model --top --unit"
      refused="--weights --skip"
      ;;
    measure)
      options="$formats $machine $model --top --unit $carbon $session $measure"
      ;;
    collect)
      options="--dim --unbound --input --output --quiet --verbose $always"
      options+=" $session --layers --ranges --networks --batch --list"
      options+=" --print-ranges"
      ;;
    calibrate)
      options="$formats $machine $model --fit --error --dispatch --static"
      options+=" --features --prior --where --test --residuals --name"
      refused="--weights --skip --allow-unknown --verbose"
      ;;
    carbon)
      options="$carbon --energy --power --hours --format --output $always"
      ;;
    tables)
      case ${COMP_WORDS[2]} in
        show | diff) options="$views" ;;
        check) options="$always" ;;
        new) options="--from --name --output $always" ;;
        *) options="show check new diff $views" ;;
      esac
      ;;
    help) options="estimate compare explain shapes sweep weights measure collect calibrate carbon tables help $always" ;;
    *)
      options="$formats $machine $model --by --sort --top --unit --symbolic"
      options+=" --max-energy $carbon"
      ;;
  esac
  # Of the groups above, what a command has no use for.
  local option
  for option in $refused; do
    options=" $options "
    options=${options/ $option / }
  done

  local values=
  case $before in
    --bits | --weight-bits | --activation-bits | --accumulator-bits)
      values="32 16 8 float32 float16 bfloat16 int32 int8 int4"
      ;;
    --table | --from)
      values=$(opcost tables --color never 2>/dev/null |
        sed -n 's/^ *\([a-z0-9._-]*-[a-z0-9._-]*\) .*/\1/p')
      _opcost_files "$word" '@(toml)'
      ;;
    --operators)
      _opcost_files "$word" '@(toml)'
      return
      ;;
    --graph) values="as-written folded deployed" ;;
    --padding) values="counted skipped" ;;
    --weights) values="dense csr cer cser bitmap nm auto" ;;
    --skip) values="weights" ;;
    --memory-model) values="per-use once" ;;
    --reads)
      values="weight=once weight=per-use input=once input=per-use"
      values+=" bias=once bias=per-use"
      ;;
    --array-scope) values="tensor operand" ;;
    --format)
      case $command in
        explain) values="text markdown" ;;
        shapes | tables) values="text markdown json csv" ;;
        sweep) values="text csv jsonl" ;;
        carbon) values="text json csv" ;;
        measure) values="text markdown json csv" ;;
        *) values="text markdown json csv jsonl" ;;
      esac
      ;;
    --by) values="layer op" ;;
    --country) values="WORLD CN DE FR GB IN JP US" ;;
    --cloud) values="aws: azure: gcp:" ;;
    --energy-mix)
      values="coal= petroleum= natural_gas= geothermal= hydroelectricity="
      values+=" nuclear= solar= wind="
      ;;
    --sort) values="order energy macs name" ;;
    --top) values="all 10 25 50" ;;
    --unit) values="auto pJ nJ uJ mJ J" ;;
    --color) values="auto always never" ;;
    --counter) values="auto rapl perf nvml meter= constant=" ;;
    --runner) values="onnxruntime pytorch" ;;
    --device) values="cpu cuda cuda:0" ;;
    --optimisation | --layer-times) values="on off" ;;
    --modelled-memory) values="host" ;;
    --networks) values="whole layers both" ;;
    --ranges)
      _opcost_files "$word" '@(toml)'
      return
      ;;
    -o | --output | --append | --python | --powercap-root)
      _opcost_files "$word" '*'
      return
      ;;
    --batch | --dim | --unbound | --input | --trip-count | --weights-from | \
      --layer | --name | --max-energy | --max-ratio | --max-layer-ratio | \
      --exec | --threads | --cpus | --seed | --warm-up | --window | --idle | \
      --trials | --precision | --group | --layers | \
      --carbon-intensity | --inferences | --pue | --energy | --power | --hours)
      return
      ;;
    *)
      if [[ $word == -* || $command == help ]]; then
        values=$options
      elif ((COMP_CWORD == 1)); then
        values="estimate compare explain shapes sweep weights measure collect calibrate carbon tables help"
        _opcost_files "$word" '*'
      elif [[ $command == tables ]]; then
        if ((COMP_CWORD == 2)); then values="show check new diff"; fi
        _opcost_files "$word" '@(toml)'
      else
        _opcost_files "$word" '*'
      fi
      ;;
  esac
  local found
  while IFS= read -r found; do
    COMPREPLY+=("$found")
  done < <(compgen -W "$values" -- "$word")
}

# Adds folders, and the files whose ending fits the pattern.
_opcost_files() {
  local found
  compopt -o filenames 2>/dev/null
  while IFS= read -r found; do
    if [[ -d $found || $2 == '*' || $found == *.toml ]]; then
      COMPREPLY+=("$found")
    fi
  done < <(compgen -f -- "$1")
}

complete -F _opcost opcost
