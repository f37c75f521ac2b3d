# The command line: its pure parts in C, its behaviour and its promises in Python.
include(${CMAKE_CURRENT_LIST_DIR}/../python.cmake)

# Everything of the program but main and the commands, for the unit tests of it.
set(cli ${PROJECT_SOURCE_DIR}/host/cli)
add_library(spectrain_cli_parts OBJECT ${cli}/text.c ${cli}/table.c ${cli}/axes.c ${cli}/results.c ${cli}/progress.c
            ${cli}/options.c ${cli}/json.c ${cli}/config_input.c ${cli}/resume_command.c)
target_include_directories(spectrain_cli_parts PRIVATE ${PROJECT_SOURCE_DIR}/host ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(spectrain_cli_parts PRIVATE spectrain_flags)
foreach(name test_cli_text test_cli_json test_cli_results test_cli_options test_cli_progress)
  target_sources(${name} PRIVATE $<TARGET_OBJECTS:spectrain_cli_parts>)
endforeach()

foreach(name
    bench
    bits
    commands
    errors
    install
    merge
    monitor
    probe
    setup
    shards
    signals
    submit
    terminal)
  spectrain_python_test(cli_${name} ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py cli)
endforeach()
