# Run as a script (cmake -P): puts the bytes of INPUT into OUTPUT.c as `const unsigned char NAME[]`, declared in OUTPUT.h.
file(READ ${INPUT} bytes HEX)
string(LENGTH "${bytes}" digits)
math(EXPR len "${digits} / 2")
string(REGEX REPLACE "(................................................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
get_filename_component(header ${OUTPUT}.h NAME)
file(WRITE ${OUTPUT}.h "#pragma once\n#define ${NAME}_LEN ${len}\nextern const unsigned char ${NAME}[${NAME}_LEN];\n")
file(WRITE ${OUTPUT}.c "#include \"${header}\"\nconst unsigned char ${NAME}[${NAME}_LEN] = {\n${bytes}};\n")
