@echo off
rem Use it with Scripts\activate.bat; deactivate undoes it.
if defined _RVP_OLD_PATH call "%~dp0deactivate.bat"
for %%i in ("%~dp0..") do set "VIRTUAL_ENV=%%~fi"
for %%i in ("%~dp0..") do set "VIRTUAL_ENV_PROMPT=%%~nxi"
set "_RVP_OLD_PATH=%PATH%"
set "PATH=%VIRTUAL_ENV%\Scripts;%PATH%"
if defined PYTHONHOME set "_RVP_OLD_PYTHONHOME=%PYTHONHOME%"
set PYTHONHOME=
if defined VIRTUAL_ENV_DISABLE_PROMPT goto :eof
if not defined PROMPT set PROMPT=$P$G
set "_RVP_OLD_PROMPT=%PROMPT%"
set "PROMPT=(%VIRTUAL_ENV_PROMPT%) %PROMPT%"
