# Use it with `. Scripts/activate.ps1` (`bin/activate.ps1` where there is no Windows); `deactivate` undoes it.

function global:deactivate([switch]$NonDestructive) {
    if (Test-Path variable:_RvpOldPath) {
        $env:PATH = $global:_RvpOldPath
        Remove-Variable _RvpOldPath -Scope Global
    }
    if (Test-Path variable:_RvpOldPythonHome) {
        $env:PYTHONHOME = $global:_RvpOldPythonHome
        Remove-Variable _RvpOldPythonHome -Scope Global
    }
    if (Test-Path function:_RvpOldPrompt) {
        $function:prompt = $function:_RvpOldPrompt
        Remove-Item function:_RvpOldPrompt
    }
    Remove-Item env:VIRTUAL_ENV, env:VIRTUAL_ENV_PROMPT -ErrorAction SilentlyContinue
    if (-not $NonDestructive) {
        Remove-Item function:deactivate
    }
}

deactivate -NonDestructive

$env:VIRTUAL_ENV = Split-Path -Parent $PSScriptRoot
$env:VIRTUAL_ENV_PROMPT = Split-Path -Leaf $env:VIRTUAL_ENV
$global:_RvpOldPath = $env:PATH
$env:PATH = $PSScriptRoot + [System.IO.Path]::PathSeparator + $env:PATH
if ($env:PYTHONHOME) {
    $global:_RvpOldPythonHome = $env:PYTHONHOME
    Remove-Item env:PYTHONHOME
}
if (-not $env:VIRTUAL_ENV_DISABLE_PROMPT) {
    $function:global:_RvpOldPrompt = $function:prompt
    function global:prompt {
        "($env:VIRTUAL_ENV_PROMPT) " + (_RvpOldPrompt)
    }
}
