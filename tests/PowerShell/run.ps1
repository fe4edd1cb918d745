#requires -Version 7.4
<#
.SYNOPSIS
    Runs the Pester suite against the module in artifacts/EmailRouter. Builds nothing: run ./build.ps1 first.
.PARAMETER Path
    Files or folders to run; all when left out.
.PARAMETER Tag
    Only tests with one of these tags: Unit, Integration, Slow.
.PARAMETER Output
    How much Pester prints: None, Normal (the default), Detailed.
#>
[CmdletBinding()]
param(
    [string[]] $Path = $PSScriptRoot,
    [string[]] $Tag = @(),
    [ValidateSet('None', 'Normal', 'Detailed', 'Diagnostic')]
    [string] $Output = 'Normal'
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$module = Join-Path $PSScriptRoot '../../artifacts/EmailRouter/EmailRouter.psd1'
if (-not (Test-Path -LiteralPath $module)) {
    throw "There is no module at $module. Build it with ./build.ps1, or dotnet publish src/EmailRouter.PowerShell."
}

Import-Module Pester -MinimumVersion 5.0
Import-Module $module -Force

$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = $Output
if ($Tag) {
    $configuration.Filter.Tag = $Tag
}

$result = Invoke-Pester -Configuration $configuration
$failed = $result.FailedCount + $result.FailedBlocksCount + $result.FailedContainersCount
Write-Output ('{0} passed, {1} failed, {2} skipped' -f $result.PassedCount, $failed, ($result.SkippedCount + $result.NotRunCount))
exit [int]($failed -gt 0 -or $result.PassedCount -eq 0)
