#requires -Version 7.4
<#
.SYNOPSIS
    Builds the EmailRouter module, tests it, packs it.
.DESCRIPTION
    Thin: everything is done by dotnet. The module appears in artifacts/EmailRouter; import it with
    Import-Module ./artifacts/EmailRouter
.PARAMETER Configuration
    Release (the default) or Debug.
.PARAMETER Test
    Also runs all tests: dotnet test, then the Pester suite in a process of its own.
.PARAMETER Package
    Also makes artifacts/EmailRouter.<version>.zip.
.EXAMPLE
    ./build.ps1
    Import-Module ./artifacts/EmailRouter
.EXAMPLE
    ./build.ps1 -Test -Package
#>
[CmdletBinding()]
param(
    [ValidateSet('Release', 'Debug')]
    [string] $Configuration = 'Release',

    [switch] $Test,

    [switch] $Package
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true

$module = Join-Path $PSScriptRoot 'artifacts/EmailRouter'
dotnet publish (Join-Path $PSScriptRoot 'src/EmailRouter.PowerShell') --configuration $Configuration --nologo --verbosity quiet

if ($Test) {
    dotnet test (Join-Path $PSScriptRoot 'EmailRouter.slnx') --configuration $Configuration --nologo
    pwsh -NoProfile -NonInteractive -File (Join-Path $PSScriptRoot 'tests/PowerShell/run.ps1')
}

if ($Package) {
    $version = (Import-PowerShellDataFile (Join-Path $module 'EmailRouter.psd1')).ModuleVersion
    Compress-Archive -Path $module -DestinationPath (Join-Path $PSScriptRoot "artifacts/EmailRouter.$version.zip") -Force
}

Get-Item $module
